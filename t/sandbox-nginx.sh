#!/bin/sh
# Writes DIR/nginx.conf: a real nginx that serves the site as shipped, alone
# and unprivileged, on a loopback port. Only what has to differ from a
# machine's nginx is put in: where it listens, and where files go.
#
# usage: sandbox-nginx.sh SITE DIR PORT SOCKET
# start: nginx -p DIR -c nginx.conf	(stays in the foreground)
set -eu
site=$1 dir=$2 port=$3 socket=$4

sed -e "s|server unix:[^;]*;|server unix:$socket;|" \
    -e "s|listen 127.0.0.1:9180;|listen unix:$dir/metrics.sock;|" \
    -e "s|allow 127.0.0.1;|allow unix:;|" \
    -e "s|/var/lib/nginx/worknet|$dir/tmp-pages|" \
    -e "s|listen 80;|listen 127.0.0.1:$port;|" "$site" >"$dir/site.conf"
user=
[ "$(id -u)" -ne 0 ] || user='user root;'
cat >"$dir/nginx.conf" <<EOF
daemon off;
$user
worker_processes 2;
pid $dir/nginx.pid;
error_log $dir/nginx.log warn;
events { worker_connections 1024; }
http {
	access_log off;
	client_body_temp_path $dir/tmp-body;
	fastcgi_temp_path $dir/tmp-fastcgi;
	proxy_temp_path $dir/tmp-proxy;
	uwsgi_temp_path $dir/tmp-uwsgi;
	scgi_temp_path $dir/tmp-scgi;
	include $dir/site.conf;
}
EOF
