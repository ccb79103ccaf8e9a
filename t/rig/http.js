// The little HTTP that all parts share: loopback servers, JSON answers, one-shot requests.
import http from 'node:http';

const BODY_MAX = 4 * 1024 * 1024; // far above any settle request or JSON-RPC batch of the tests

export function readBody(req) {
  return new Promise((resolve, reject) => {
    const chunks = [];
    let length = 0;
    req.on('data', (chunk) => {
      length += chunk.length;
      if (length > BODY_MAX)
        return req.destroy(new Error(`body: more than ${BODY_MAX} bytes`));
      chunks.push(chunk);
    });
    req.on('end', () => resolve(Buffer.concat(chunks)));
    req.on('error', reject);
    req.on('aborted', () => reject(new Error('body: the client went away')));
  });
}

export function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function sendText(res, status, text, headers = {}) {
  const body = Buffer.from(text);
  res.writeHead(status, {
    'content-type': 'application/json', 'content-length': body.length, ...headers,
  });
  res.end(body);
}

export function sendJson(res, status, value, headers) {
  sendText(res, status, JSON.stringify(value), headers);
}

// Listens on 127.0.0.1 only. A handler that throws answers 500 instead of ending the process.
export async function serve(handler, port = 0) {
  const server = http.createServer(async (req, res) => {
    res.on('error', () => {}); // the client closed early: its right
    try {
      await handler(req, res);
    } catch (e) {
      if (res.headersSent || res.destroyed)
        res.destroy();
      else
        sendJson(res, 500, { error: e.message });
    }
  });
  server.requestTimeout = 0; // "hang" is decided by modes, not by node's defaults
  server.on('clientError', (e, socket) => socket.destroy());
  const listen = (n) => new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: n, host: '127.0.0.1', backlog: 4096 }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  await listen(port);
  const bound = server.address().port;
  const shut = () => new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
  return {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    close: shut,
    reopen: () => listen(bound),
  };
}

// One request, its whole answer. node:http and not fetch: node 18 warns about fetch on stderr.
export function request(url, { method = 'GET', body, headers = {}, agent } = {}) {
  return new Promise((resolve, reject) => {
    const req = http.request(url, { method, headers, agent }, (res) => {
      const chunks = [];
      res.on('data', (chunk) => chunks.push(chunk));
      res.on('error', reject);
      res.on('aborted', () => reject(new Error(`${url}: the answer broke off`)));
      res.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: res.statusCode, headers: res.headers, text, json: parseJson(text) });
      });
    });
    req.on('error', reject);
    if (body !== undefined)
      req.setHeader('content-type', headers['content-type'] ?? 'application/json');
    req.end(body);
  });
}

export function postJson(url, value, options) {
  const body = typeof value === 'string' || Buffer.isBuffer(value) ? value : JSON.stringify(value);
  return request(url, { method: 'POST', body, ...options });
}
