package sender

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"
)

const (
	// maxAddresses is how many addresses of a name are tried, each a little after the
	// one before, or when that has failed.
	maxAddresses = 8
	nextAddress  = 300 * time.Millisecond
)

// dialTLS connects, and shakes hands.
func (c *Client) dialTLS(ctx context.Context, _, address string) (net.Conn, error) {
	dialing, cancel := context.WithTimeout(ctx, c.options.DialTimeout)
	defer cancel()
	raw, err := c.dial(dialing, address, false)
	if err != nil {
		return nil, err
	}
	config := c.tls.Clone()
	config.ServerName, _, _ = net.SplitHostPort(address) // dial has split it
	conn := tls.Client(raw, config)
	ctx, cancel = context.WithTimeout(ctx, c.options.TLSTimeout)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, &tlsError{err}
	}
	return conn, nil
}

// dial looks a host up, once, and connects to an address of it that the guard lets
// pass. Others are left out: a name with a public and a private address is the former.
func (c *Client) dial(ctx context.Context, address string, plain bool) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	found, err := c.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	var open []string
	var blocked error
	for _, a := range alternate(found) {
		if err := c.options.Guard.Check(a, plain); err != nil {
			blocked = cmp.Or(blocked, err)
			continue
		}
		open = append(open, net.JoinHostPort(a.String(), port))
	}
	if len(open) == 0 {
		return nil, blocked
	}
	dialer := &net.Dialer{ControlContext: c.options.Guard.control(plain)}
	if len(open) == 1 {
		return dialer.DialContext(ctx, "tcp", open[0])
	}
	return dialFirst(ctx, dialer, open[:min(len(open), maxAddresses)])
}

// lookup returns the addresses of a host, of which there is one at least.
func (c *Client) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if address, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{address}, nil
	}
	found, err := c.options.Resolver.LookupNetIP(ctx, "ip", host)
	if err == nil && len(found) == 0 {
		err = errors.New("the name has no address")
	}
	if err != nil {
		return nil, &lookupError{err}
	}
	return found, nil
}

// alternate returns the addresses without doubles, IPv6 and IPv4 in turn, so that a
// family that does not work here costs little. The first one's family is first.
func alternate(found []netip.Addr) (all []netip.Addr) {
	var families [2][]netip.Addr
	for _, a := range found {
		a, i := a.Unmap(), 0
		if a.Is4() != found[0].Unmap().Is4() {
			i = 1
		}
		if !slices.Contains(families[i], a) && len(families[i]) < 4*maxAddresses {
			families[i] = append(families[i], a)
		}
	}
	for i := range max(len(families[0]), len(families[1])) {
		for _, family := range families {
			if i < len(family) {
				all = append(all, family[i])
			}
		}
	}
	return all
}

// dialFirst connects to the first address that answers. The next is tried when the one
// before has failed, or has not answered for a while.
func dialFirst(ctx context.Context, dialer *net.Dialer, addresses []string) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		conn net.Conn
		err  error
	}
	results := make(chan result)
	var first error
	for next, running := 0, 0; ; {
		var later <-chan time.Time
		if next < len(addresses) {
			address := addresses[next]
			next, running = next+1, running+1
			go func() {
				conn, err := dialer.DialContext(ctx, "tcp", address)
				select {
				case results <- result{conn, err}:
				case <-ctx.Done():
					if conn != nil {
						_ = conn.Close()
					}
				}
			}()
			if next < len(addresses) {
				later = time.After(nextAddress)
			}
		}
		select {
		case r := <-results:
			if r.err == nil {
				return r.conn, nil
			}
			first = cmp.Or(first, r.err)
			if running--; running == 0 && next == len(addresses) {
				return nil, first
			}
		case <-later:
		case <-ctx.Done():
			return nil, cmp.Or(first, context.Cause(ctx))
		}
	}
}
