package sender

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
)

// ErrBlocked is wrapped by the error about an address that endpoints may not be on.
var ErrBlocked = errors.New("requests to this address are blocked")

// Guard decides which addresses may be dialed for endpoints, whose URLs strangers
// choose. It is asked about the address that a connection is about to be made to,
// after DNS, on every connection, so that no name, and no change of a name, leads
// around it.
//
// Open are the public addresses: what is global unicast and has no row in
// [Networks]. The operator may allow others. What he allows opens the rows that it
// reaches into, but for loopback, link-local and metadata addresses: these are opened
// only by a network that lies within their own row, such as 127.0.0.0/8, ::1/128 or
// 169.254.169.254/32, so that a large private network cannot open them by accident.
// An IPv4 address inside of an IPv6 address has to be open as well.
//
// A nil Guard lets every address pass: where the operator himself has named the URL.
type Guard struct {
	allow []netip.Prefix
}

// Network is a row of the table of networks that are not public.
type Network struct {
	Prefix netip.Prefix
	// Is says what the network is for.
	Is string
	// Named says that only an allowed network within this one opens it.
	Named bool

	// inner returns the IPv4 addresses that an address of the network stands for.
	inner func(netip.Addr) []netip.Addr
}

const (
	netLoopback      = "loopback"
	netLinkLocal     = "link-local"
	netMetadata      = "metadata of a cloud"
	netPrivate       = "private network"
	netDocumentation = "documentation"
	netReserved      = "reserved"
	netMulticast     = "multicast"
)

// networks has the narrowest first: the first that contains an address decides.
var networks = slices.SortedStableFunc(slices.Values([]Network{
	{Prefix: mustPrefix("0.0.0.0/8"), Is: "this host", Named: true}, // 0.0.0.0 connects to loopback
	{Prefix: mustPrefix("10.0.0.0/8"), Is: netPrivate},
	{Prefix: mustPrefix("100.64.0.0/10"), Is: "shared address space of a carrier"},
	{Prefix: mustPrefix("100.100.100.200/32"), Is: netMetadata, Named: true}, // Alibaba
	{Prefix: mustPrefix("127.0.0.0/8"), Is: netLoopback, Named: true},
	{Prefix: mustPrefix("168.63.129.16/32"), Is: netMetadata, Named: true}, // Azure
	{Prefix: mustPrefix("169.254.0.0/16"), Is: netLinkLocal, Named: true},
	{Prefix: mustPrefix("169.254.0.23/32"), Is: netMetadata, Named: true},    // Tencent
	{Prefix: mustPrefix("169.254.42.42/32"), Is: netMetadata, Named: true},   // Scaleway
	{Prefix: mustPrefix("169.254.169.254/32"), Is: netMetadata, Named: true}, // AWS, Google, Azure and most others
	{Prefix: mustPrefix("169.254.170.2/32"), Is: netMetadata, Named: true},   // AWS, containers
	{Prefix: mustPrefix("169.254.170.23/32"), Is: netMetadata, Named: true},  // AWS, pods
	{Prefix: mustPrefix("172.16.0.0/12"), Is: netPrivate},
	{Prefix: mustPrefix("192.0.0.0/24"), Is: netReserved},
	{Prefix: mustPrefix("192.0.0.192/32"), Is: netMetadata, Named: true}, // Oracle
	{Prefix: mustPrefix("192.0.2.0/24"), Is: netDocumentation},
	{Prefix: mustPrefix("192.31.196.0/24"), Is: netReserved},
	{Prefix: mustPrefix("192.52.193.0/24"), Is: netReserved},
	{Prefix: mustPrefix("192.88.99.0/24"), Is: netReserved},
	{Prefix: mustPrefix("192.168.0.0/16"), Is: netPrivate},
	{Prefix: mustPrefix("192.175.48.0/24"), Is: netReserved},
	{Prefix: mustPrefix("198.18.0.0/15"), Is: "benchmarking"},
	{Prefix: mustPrefix("198.51.100.0/24"), Is: netDocumentation},
	{Prefix: mustPrefix("203.0.113.0/24"), Is: netDocumentation},
	{Prefix: mustPrefix("224.0.0.0/4"), Is: netMulticast, Named: true},
	{Prefix: mustPrefix("240.0.0.0/4"), Is: netReserved},
	{Prefix: mustPrefix("255.255.255.255/32"), Is: "broadcast", Named: true},

	// What is outside of 2000::/3 is not public, whatever it will be.
	{Prefix: mustPrefix("::/3"), Is: netReserved},
	{Prefix: mustPrefix("4000::/2"), Is: netReserved},
	{Prefix: mustPrefix("8000::/1"), Is: netReserved},
	{Prefix: mustPrefix("::/96"), Is: "IPv4 in IPv6", Named: true, inner: lastFour},
	{Prefix: mustPrefix("::/128"), Is: "this host", Named: true},
	{Prefix: mustPrefix("::1/128"), Is: netLoopback, Named: true},
	{Prefix: mustPrefix("::ffff:0:0/96"), Is: "IPv4 in IPv6", Named: true, inner: lastFour},
	{Prefix: mustPrefix("::ffff:0:0:0/96"), Is: "IPv4 in IPv6", inner: lastFour},
	{Prefix: mustPrefix("64:ff9b::/96"), Is: "NAT64", inner: lastFour},
	{Prefix: mustPrefix("64:ff9b:1::/48"), Is: "NAT64", inner: translated},
	{Prefix: mustPrefix("100::/64"), Is: "discarded"},
	{Prefix: mustPrefix("100:0:0:1::/64"), Is: "discarded"},
	{Prefix: mustPrefix("2001::/23"), Is: netReserved},
	{Prefix: mustPrefix("2001::/32"), Is: "Teredo", inner: teredo},
	{Prefix: mustPrefix("2001:db8::/32"), Is: netDocumentation},
	{Prefix: mustPrefix("2002::/16"), Is: "6to4", inner: func(a netip.Addr) []netip.Addr { return four(a, 2, 3, 4, 5) }},
	{Prefix: mustPrefix("2620:4f:8000::/48"), Is: netReserved},
	{Prefix: mustPrefix("3ffe::/16"), Is: netReserved},
	{Prefix: mustPrefix("3fff::/20"), Is: netDocumentation},
	{Prefix: mustPrefix("5f00::/16"), Is: "segment routing"},
	{Prefix: mustPrefix("fc00::/7"), Is: netPrivate},
	{Prefix: mustPrefix("fd00:42::42/128"), Is: netMetadata, Named: true},   // Scaleway
	{Prefix: mustPrefix("fd00:ec2::23/128"), Is: netMetadata, Named: true},  // AWS, pods
	{Prefix: mustPrefix("fd00:ec2::254/128"), Is: netMetadata, Named: true}, // AWS
	{Prefix: mustPrefix("fd20:ce::254/128"), Is: netMetadata, Named: true},  // Google
	{Prefix: mustPrefix("fe80::/10"), Is: netLinkLocal, Named: true},
	{Prefix: mustPrefix("fe80::a9fe:a9fe/128"), Is: netMetadata, Named: true}, // OpenStack
	{Prefix: mustPrefix("fec0::/10"), Is: netPrivate},
	{Prefix: mustPrefix("ff00::/8"), Is: netMulticast, Named: true},
}), func(a, b Network) int { return cmp.Compare(b.Prefix.Bits(), a.Prefix.Bits()) })

// Networks returns the networks that are not public, the narrowest first: the first
// that contains an address says what it is.
func Networks() []Network { return slices.Clone(networks) }

func mustPrefix(text string) netip.Prefix { return netip.MustParsePrefix(text) }

// NewGuard returns the guard of an operator who allows these networks besides the
// public ones. It errs about what is no network of his: half of the internet, or a
// network with bits beyond its length.
func NewGuard(allow []netip.Prefix) (*Guard, error) {
	for _, p := range allow {
		least := 8
		if p.Addr().Is6() {
			least = 7
		}
		switch {
		case !p.IsValid():
			return nil, errors.New("an allowed network is invalid")
		case p.Addr().Is4In6():
			return nil, fmt.Errorf("the allowed network %s is IPv4 written as IPv6; write it as IPv4", p)
		case p.Bits() < least:
			return nil, fmt.Errorf("the allowed network %s is too large; it has at least /%d", p, least)
		case p != p.Masked():
			return nil, fmt.Errorf("the allowed network %s has bits beyond its length; is %s meant?", p, p.Masked())
		}
	}
	return &Guard{allow: slices.Clone(allow)}, nil
}

// Check errs, wrapping [ErrBlocked], if no connection may be made to the address.
// Plain http, which anyone on the way can read, is for allowed networks only.
func (g *Guard) Check(address netip.Addr, plain bool) error {
	if g == nil {
		return nil
	}
	if !address.IsValid() || address.Zone() != "" {
		return fmt.Errorf("%w: %s is no address that others have, too", ErrBlocked, address)
	}
	address = address.Unmap()
	if err := g.check(address); err != nil {
		return err
	}
	if plain && !g.allowed(address) {
		return fmt.Errorf("%w: plain http is for allowed networks only, and %s is in none", ErrBlocked, address)
	}
	return nil
}

// check is Check of an address without its family's odd forms.
func (g *Guard) check(address netip.Addr) error {
	for i := range networks {
		n := &networks[i]
		if !n.Prefix.Contains(address) {
			continue
		}
		if !g.opens(n, address) {
			return fmt.Errorf("%w: %s is not public (%s)", ErrBlocked, address, n.Is)
		}
		if n.inner != nil {
			return g.checkInner(n.inner(address))
		}
		break
	}
	return g.checkInner(isatap(address))
}

// checkInner checks the IPv4 addresses that an IPv6 address stands for.
func (g *Guard) checkInner(addresses []netip.Addr) error {
	for _, a := range addresses {
		if err := g.check(a); err != nil {
			return err
		}
	}
	return nil
}

// opens says whether an allowed network opens an address of a row.
func (g *Guard) opens(n *Network, address netip.Addr) bool {
	return slices.ContainsFunc(g.allow, func(p netip.Prefix) bool {
		return p.Contains(address) && (!n.Named || p.Bits() >= n.Prefix.Bits())
	})
}

// allowed says whether the operator has allowed an address, public or not.
func (g *Guard) allowed(address netip.Addr) bool {
	return slices.ContainsFunc(g.allow, func(p netip.Prefix) bool { return p.Contains(address.Unmap()) })
}

// allowsAny says whether the operator has allowed any network.
func (g *Guard) allowsAny() bool { return g == nil || len(g.allow) > 0 }

// control returns what [net.Dialer] calls before it connects.
func (g *Guard) control(plain bool) func(context.Context, string, string, syscall.RawConn) error {
	if g == nil {
		return nil
	}
	return func(_ context.Context, network, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil || network != "tcp4" && network != "tcp6" {
			return fmt.Errorf("%w: it is not of TCP", ErrBlocked)
		}
		return g.Check(to.Addr(), plain)
	}
}

// four returns the IPv4 address that is made of these bytes of an IPv6 address.
func four(a netip.Addr, i, j, k, l int) []netip.Addr {
	b := a.As16()
	return []netip.Addr{netip.AddrFrom4([4]byte{b[i], b[j], b[k], b[l]})}
}

func lastFour(a netip.Addr) []netip.Addr { return four(a, 12, 13, 14, 15) }

// teredo returns the server and the client, whose bits are turned over.
func teredo(a netip.Addr) []netip.Addr {
	b := a.As16()
	return append(four(a, 4, 5, 6, 7), netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]}))
}

// translated returns what an address of the NAT64 prefix for local use may stand for:
// how long the translator's own prefix is, is not known. What the bytes after an
// embedded address rule out is left out.
func translated(a netip.Addr) (found []netip.Addr) {
	b := a.As16()
	for _, form := range []struct{ i, j, k, l, suffix int }{
		{6, 7, 9, 10, 11}, {7, 9, 10, 11, 12}, {9, 10, 11, 12, 13}, {12, 13, 14, 15, 16},
	} {
		zero := func(c byte) bool { return c != 0 }
		if !slices.ContainsFunc(b[form.suffix:], zero) && (form.suffix < 16 || slices.ContainsFunc(b[12:], zero)) {
			found = append(found, four(a, form.i, form.j, form.k, form.l)...)
		}
	}
	return found
}

// isatap returns the IPv4 address that an interface identifier of ISATAP holds.
func isatap(a netip.Addr) []netip.Addr {
	b := a.As16()
	if a.Is4() || b[8]&^0x02 != 0 || b[9] != 0 || b[10] != 0x5e || b[11] != 0xfe {
		return nil
	}
	return lastFour(a)
}
