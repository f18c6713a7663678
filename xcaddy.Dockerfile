# Caddy with Hookgate, built by xcaddy from this tree:
#
#	docker build -f xcaddy.Dockerfile -t hookgate .
#	docker run -v hookgate_data:/data -v ./Caddyfile:/etc/caddy/Caddyfile:ro -e SVIX_SECRET -p 80:80 -p 443:443 hookgate
#
# .ci/xcaddy runs the commands below outside Docker, as they stand here. The
# runtime stage has no RUN, so that there is none that it could not run.

FROM golang:1.26-alpine3.23 AS builder
WORKDIR /src
COPY . .
# The version only keeps Go from asking the proxy which ones there are.
RUN go tool -modfile=.ci/tools/go.mod xcaddy build v2.11.9 --output caddy --with github.com/hookgate/hookgate@v0.0.0=.
RUN mkdir -p root/data/caddy root/config/caddy

FROM alpine:3.23
COPY --from=builder /src/caddy /usr/bin/caddy
COPY --from=builder /src/Caddyfile.example /etc/caddy/Caddyfile
COPY --from=builder --chown=10001:10001 /src/root/ /

# Where Caddy keeps certificates, and its last configuration.
ENV XDG_DATA_HOME=/data XDG_CONFIG_HOME=/config
VOLUME /data /config

# For Caddyfile.example, which is on loopback without it.
ENV HOOKGATE_BIND=0.0.0.0

# An own Caddyfile needs a site that has webhook_health here, or another URL.
ENV HOOKGATE_HEALTH=http://127.0.0.1:8080/healthz
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD wget -q -T 3 -O /dev/null "$HOOKGATE_HEALTH"

# No capability is set on the binary: Docker lets every user of a container listen
# on ports 80 and 443.
USER 10001:10001
WORKDIR /srv
EXPOSE 80 443 443/udp 8080
CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
