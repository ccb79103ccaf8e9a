# A worker, from its package, with its configuration and its key from outside:
#
#	docker build -f worker.Dockerfile -t worknet-worker DIRECTORY-OF-THE-PACKAGES
#	docker run -v ./worker-home.conf:/etc/worknet/worker.conf:ro \
#	    -v ./worker-home.key:/etc/worknet/worker.key:ro worknet-worker
#
# The key's file belongs to uid 65534 there, with mode 0600.
FROM debian:13-slim
COPY worknet-worker_*.deb /tmp/
RUN apt-get update && \
    apt-get install -y --no-install-recommends ca-certificates \
        /tmp/worknet-worker_*.deb && \
    rm -rf /tmp/*.deb /var/lib/apt/lists/*
USER 65534
STOPSIGNAL SIGTERM
CMD ["worknet-worker", "-c", "/etc/worknet/worker.conf"]
