# The coordinator, from its package (dpkg-buildpackage), on a Unix socket in
# /run/worknet that a web server beside it serves; its ledger is in the volume.
#
#	docker build -f coordinator.Dockerfile -t worknet DIRECTORY-OF-THE-PACKAGES
#	docker run -v ledger:/var/lib/worknet -v socket:/run/worknet worknet
FROM debian:13-slim
COPY worknet_*.deb /tmp/
RUN apt-get update && \
    apt-get install -y --no-install-recommends /tmp/worknet_*.deb \
        systemd-standalone-sysusers systemd-standalone-tmpfiles && \
    rm -rf /tmp/*.deb /var/lib/apt/lists/* && \
    install -d -o worknet -g worknet /run/worknet
USER worknet
VOLUME /var/lib/worknet /run/worknet
STOPSIGNAL SIGTERM
CMD ["worknet-fcgi", "-c", "/etc/worknet/worknet.conf", "-s", "/run/worknet/fcgi.sock"]
