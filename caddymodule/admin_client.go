package caddymodule

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

// adminTransport is the way to the admin API of a running Caddy, for the command
// line: a transport, and how the URLs begin. Addresses are as in Caddy's own
// commands; an empty one is their default, which the environment variable CADDY_ADMIN
// may set.
func adminTransport(address string) (http.RoundTripper, string, error) {
	parsed, err := caddy.ParseNetworkAddress(cmp.Or(address, caddy.DefaultAdminListen))
	if err != nil {
		return nil, "", fmt.Errorf("the address %q cannot be read: %w", address, err)
	}
	if parsed.PortRangeSize() > 1 {
		return nil, "", fmt.Errorf("the address %q has several ports", address)
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, parsed.Network, parsed.JoinHostPort(0))
	}}
	if parsed.IsUnixNetwork() {
		parsed.Host, _, _ = strings.Cut(parsed.Host, "|") // the rest is the socket's mode
		return transport, "http://127.0.0.1", nil         // a host that Caddy takes on a socket
	}
	origin := "http://" + parsed.JoinHostPort(0)
	return originTransport{transport, origin}, origin, nil
}

// originTransport says where requests come from, as Caddy may ask for that.
type originTransport struct {
	http.RoundTripper
	origin string
}

// RoundTrip adds the header.
func (t originTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Origin", t.origin)
	return t.RoundTripper.RoundTrip(r)
}
