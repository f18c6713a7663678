package sender_test

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/sender"
)

// forbidden are addresses that no endpoint may be on, by what they are: of each
// network the first, the last and one between, and IPv4 in each embedding.
var forbidden = map[string]string{
	"this host":     "0.0.0.0 0.1.2.3 0.255.255.255 ::",
	"loopback":      "127.0.0.1 127.0.0.2 127.1.2.3 127.255.255.255 ::1",
	"private":       "10.0.0.0 10.1.2.3 10.255.255.255 172.16.0.0 172.20.1.1 172.31.255.255 192.168.0.0 192.168.1.1 192.168.255.255",
	"private v6":    "fc00:: fc00::1 fd00::2 fd12:3456:789a::1 fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff fec0::1 feff::1",
	"link-local":    "169.254.0.0 169.254.1.1 169.254.255.255 fe80:: fe80::1 febf::1",
	"metadata":      "169.254.169.254 168.63.129.16 100.100.100.200 169.254.170.2 169.254.170.23 169.254.42.42 169.254.0.23 192.0.0.192 fd00:ec2::254 fd00:ec2::23 fd20:ce::254 fd00:42::42 fe80::a9fe:a9fe",
	"carrier":       "100.64.0.0 100.100.1.1 100.127.255.255",
	"reserved":      "192.0.0.0 192.0.0.9 192.0.0.255 192.31.196.1 192.52.193.1 192.88.99.1 192.175.48.1 240.0.0.0 250.1.1.1 255.255.255.254",
	"documentation": "192.0.2.1 198.51.100.1 203.0.113.1 2001:db8::1 2001:db8:ffff::1 3fff::1 3fff:fff::1",
	"benchmarking":  "198.18.0.0 198.19.255.255 2001:2::1",
	"multicast":     "224.0.0.1 239.255.255.255 255.255.255.255 ff00::1 ff02::1 ff0e::1",
	"compatible":    "::127.0.0.1 ::10.1.2.3 ::8.8.8.8 ::169.254.169.254 ::2 ::ffff",
	"mapped":        "::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:10.1.2.3 ::ffff:169.254.169.254 ::ffff:0.0.0.0 ::ffff:168.63.129.16",
	"translated":    "::ffff:0:127.0.0.1 ::ffff:0:8.8.8.8 64:ff9b::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b::8.8.8.8 64:ff9b:1::1 64:ff9b:1:7f00:0:100:: 64:ff9b:1:ffff::a00:1",
	"6to4":          "2002:: 2002:7f00:1::1 2002:a01:203::1 2002:808:808::1",
	"Teredo":        "2001:: 2001:0:808:808:0:0:80ff:fffe 2001:0:7f00:1::",
	"ISATAP":        "2606:4700::5efe:7f00:1 2606:4700::200:5efe:10.1.2.3 2606:4700::5efe:169.254.169.254",
	"assignments":   "2001:1::1 2001:3::1 2001:4:112::1 2001:10::1 2001:20::1 2001:1ff::1 2620:4f:8000::1 3ffe::1",
	"elsewhere":     "100::1 100:0:0:1::1 200::1 1000::1 1fff:ffff::1 4000::1 5f00::1 6000::1 8000::1 a000::1 c000::1 e000::1 f000::1 fbff::1 fe00::1 64:ff9b:2::1",
}

// public are addresses that are open to everyone, at the edges of what is not.
const public = "1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 168.63.129.15 168.63.129.17 " +
	"169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 192.0.3.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 " +
	"198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0 223.255.255.255 2000::1 2001:200::1 2001:4860:4860::8888 2003::1 2606:4700::1111 2a00::1 3ffd::1 " +
	"2606:4700::5efe:808:808 2001:db7::1 2001:db9::1 3fff:1000::1"

// newGuard returns a guard that allows networks, separated by blanks.
func newGuard(tb testing.TB, allow string) *sender.Guard {
	tb.Helper()
	var networks []netip.Prefix
	for text := range strings.FieldsSeq(allow) {
		networks = append(networks, netip.MustParsePrefix(text))
	}
	g, err := sender.NewGuard(networks)
	if err != nil {
		tb.Fatal(err)
	}
	return g
}

// TestGuardBlocks: without allowed networks all of these are blocked, whatever
// [net/netip] thinks of them, and with large private networks allowed what is not
// theirs still is. (E-01, E-02, E-03)
func TestGuardBlocks(t *testing.T) {
	strict := newGuard(t, "")
	wide := newGuard(t, "169.0.0.0/8 100.0.0.0/8 168.0.0.0/8 fc00::/7 fe00::/8 192.0.0.0/8 64::/16 2000::/8 172.16.0.0/12")
	still := "127.0.0.1 ::1 0.0.0.0 :: 169.254.169.254 169.254.1.1 168.63.129.16 100.100.100.200 192.0.0.192 fd00:ec2::254 fe80::1 ff02::1 " +
		"::ffff:127.0.0.1 64:ff9b::127.0.0.1 64:ff9b::169.254.169.254 64:ff9b:1:7f00:0:100:: 2002:7f00:1::1 2001:0:7f00:1:: 2001:0:808:808:0:0:80ff:fffe ::127.0.0.1"
	for what, addresses := range forbidden {
		for text := range strings.FieldsSeq(addresses) {
			if err := strict.Check(netip.MustParseAddr(text), false); !errors.Is(err, sender.ErrBlocked) {
				t.Errorf("%s: %s passes: %v", what, text, err)
			}
		}
	}
	for text := range strings.FieldsSeq(still) {
		if err := wide.Check(netip.MustParseAddr(text), false); !errors.Is(err, sender.ErrBlocked) {
			t.Errorf("a large network opens %s: %v", text, err)
		}
	}
	for _, address := range []netip.Addr{{}, netip.MustParseAddr("fe80::1%eth0"), netip.MustParseAddr("2606:4700::1111%1")} {
		if err := strict.Check(address, false); !errors.Is(err, sender.ErrBlocked) {
			t.Errorf("%s passes: %v", address, err)
		}
	}
}

// TestGuardOpens: public addresses are open, but not for plain http.
func TestGuardOpens(t *testing.T) {
	g := newGuard(t, "")
	for text := range strings.FieldsSeq(public) {
		address := netip.MustParseAddr(text)
		if err := g.Check(address, false); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if err := g.Check(address, true); !errors.Is(err, sender.ErrBlocked) {
			t.Errorf("plain http to %s passes: %v", text, err)
		}
		if mapped := netip.AddrFrom16(address.As16()); address.Is4() && g.Check(mapped, false) != nil {
			t.Errorf("%s is blocked", mapped)
		}
	}
	if err := (*sender.Guard)(nil).Check(netip.MustParseAddr("127.0.0.1"), true); err != nil {
		t.Errorf("without a guard: %v", err)
	}
}

// TestGuardAllows: an allowed network opens what it covers, for plain http as well,
// and nothing else; special addresses only if it lies within their own network.
// (E-01, E-03)
func TestGuardAllows(t *testing.T) {
	for _, c := range []struct{ allow, opens, not string }{
		{"10.0.0.0/8", "10.1.2.3 10.0.0.0 10.255.255.255 ::ffff:10.1.2.3", "11.0.0.1 9.9.9.9 192.168.0.1 172.16.0.1 127.0.0.1 169.254.169.254 ::10.1.2.3 64:ff9b::10.1.2.3 2002:a01:203::1 fd00::1"},
		{"10.0.0.0/8 64:ff9b::/96", "64:ff9b::10.1.2.3", "64:ff9b::127.0.0.1 64:ff9b::192.168.0.1 64:ff9b::a9fe:a9fe ::10.1.2.3"},
		{"64:ff9b::/96", "64:ff9b::8.8.8.8", "64:ff9b::10.1.2.3"},
		{"64:ff9b:1::/48", "64:ff9b:1:808:8:800:: 64:ff9b:1::808:808", "64:ff9b:1:7f00:0:100:: 64:ff9b:1::10.0.0.1"},
		{"127.0.0.0/8", "127.0.0.1 127.9.9.9 ::ffff:127.0.0.1", "::1 0.0.0.0 ::127.0.0.1 10.0.0.1"},
		{"127.0.0.1/32", "127.0.0.1", "127.0.0.2 ::1"},
		{"::1/128", "::1", "127.0.0.1 :: ::2"},
		{"169.254.0.0/16", "169.254.1.1", "169.254.169.254 169.254.170.2 fe80::1"},
		{"169.254.169.254/32", "169.254.169.254", "169.254.1.1 169.254.169.253"},
		{"100.64.0.0/10", "100.64.0.1 100.100.100.199", "100.100.100.200"},
		{"fd00::/8", "fd00::2 fd12::1", "fd00:ec2::254 fc00::1 fe80::1"},
		{"fe80::/10", "fe80::1", "fe80::a9fe:a9fe"},
		{"203.0.113.0/24", "203.0.113.7", "192.0.2.1"},
		{"8.8.8.0/24", "8.8.8.8", ""},
	} {
		g := newGuard(t, c.allow)
		for text := range strings.FieldsSeq(c.opens) {
			if err := errors.Join(g.Check(netip.MustParseAddr(text), false), g.Check(netip.MustParseAddr(text), true)); err != nil {
				t.Errorf("%s allowed: %v", c.allow, err)
			}
		}
		for text := range strings.FieldsSeq(c.not) {
			if err := g.Check(netip.MustParseAddr(text), true); !errors.Is(err, sender.ErrBlocked) {
				t.Errorf("%s allowed opens %s", c.allow, text)
			}
		}
	}
}

// TestNewGuardRefuses: what cannot be an operator's network is an error, so that
// no slip of the pen opens the internet.
func TestNewGuardRefuses(t *testing.T) {
	for _, p := range []netip.Prefix{
		{},
		netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0"), netip.MustParsePrefix("10.0.0.0/7"), netip.MustParsePrefix("2000::/3"),
		netip.MustParsePrefix("10.1.2.3/8"), netip.MustParsePrefix("fd00::1/8"), netip.PrefixFrom(netip.MustParseAddr("::ffff:10.0.0.0"), 104),
		netip.PrefixFrom(netip.MustParseAddr("10.0.0.0"), 40),
	} {
		if _, err := sender.NewGuard([]netip.Prefix{netip.MustParsePrefix("192.168.0.0/16"), p}); err == nil {
			t.Errorf("%s is taken", p)
		}
	}
}

// TestNetworks: the table has each network once, without bits beyond its length, and
// each row decides on its own first address.
func TestNetworks(t *testing.T) {
	rows := sender.Networks()
	for i, n := range rows {
		if n.Prefix != n.Prefix.Masked() || n.Is == "" {
			t.Errorf("row %v", n.Prefix)
		}
		if j := slices.IndexFunc(rows, func(other sender.Network) bool {
			return other.Prefix.Contains(n.Prefix.Addr()) && other.Prefix.Bits() == n.Prefix.Bits()
		}); j != i {
			t.Errorf("%s is there twice", n.Prefix)
		}
		if i > 0 && rows[i-1].Prefix.Bits() < n.Prefix.Bits() {
			t.Errorf("%s is behind a wider network", n.Prefix)
		}
	}
}
