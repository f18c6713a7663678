package sender_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/sender"
)

// TestBlockedAtDial: a name that stands for an address which is not public, alone,
// beside others or by another name, is not connected to. Each attempt looks up once.
// The listener hears of it if the guard is left out, so the check can fail. (E-02, E-03,
// E-05, E-G1)
func TestBlockedAtDial(t *testing.T) {
	catcher, dns := newCatcher(t), newNames(t)
	guarded := newClient(t, sender.ClientOptions{Guard: newGuard(t, ""), Resolver: dns.resolver()})
	// A guard that allows a network takes http, too.
	corporate := newClient(t, sender.ClientOptions{Guard: newGuard(t, "10.77.0.0/16"), Resolver: dns.resolver()})
	off := newClient(t, sender.ClientOptions{Resolver: dns.resolver()})
	always := func(answer string) func(int) string { return func(int) string { return answer } }
	var hosts []string
	for _, addresses := range forbidden {
		for text := range strings.FieldsSeq(addresses) {
			host := fmt.Sprintf("a%d.test", len(hosts))
			dns.set(host, always(text))
			hosts = append(hosts, host)
		}
	}
	dns.set("127.0.0.1.nip.test", always("127.0.0.1"))
	dns.set("both.test", always("127.0.0.1 ::1"))
	dns.set("alias.test", always("inside.test 127.0.0.1"))
	dns.set("aliases.test", always("inside.test deeper.test ::1"))
	dns.set("many.test", always(strings.Repeat("127.0.0.1 10.0.0.1 ", 10)))
	hosts = append(hosts, "127.0.0.1.nip.test", "both.test", "alias.test", "aliases.test", "many.test")
	for _, host := range hosts {
		at := host + ":" + catcher.port() + "/"
		for i, ex := range []*sender.Exchange{
			postWithin(t, guarded, 2*time.Second, sender.Post{URL: "https://" + at}),
			postWithin(t, corporate, 2*time.Second, sender.Post{URL: "http://" + at}),
			postWithin(t, corporate, 2*time.Second, sender.Post{URL: "https://" + at}),
		} {
			if !errors.Is(ex.Err, sender.ErrBlocked) || ex.Class != sender.ClassBlocked || ex.Reason != sender.ErrBlocked.Error() {
				t.Errorf("%s, %d: class %q, error %v", host, i, ex.Class, ex.Err)
			}
		}
		if n := dns.lookups(host); n != 3 {
			t.Errorf("%s was looked up %d times for 3 attempts", host, n)
		}
	}
	if n := catcher.accepted.Load(); n != 0 {
		t.Errorf("%d connections to what is forbidden", n)
	}
	for _, host := range []string{"both.test", "127.0.0.1.nip.test"} {
		postWithin(t, off, 2*time.Second, sender.Post{URL: "http://" + host + ":" + catcher.port() + "/"})
	}
	if catcher.accepted.Load() < 2 {
		t.Error("the listener hears of nothing, even without a guard")
	}
}

// TestRebinding: a name that led to an open address when it was saved, and at the attempt
// before, is not connected to once it leads elsewhere. (E-06, E-G1)
func TestRebinding(t *testing.T) {
	catcher := newPeer(t, "127.0.0.1:0", func(net.Conn, <-chan struct{}) {})
	open := newPeer(t, "127.0.0.2:"+catcher.port(), func(conn net.Conn, _ <-chan struct{}) {
		http.ReadRequest(bufio.NewReader(conn))
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	})
	dns, guard := newNames(t), newGuard(t, "127.0.0.2/32")
	dns.set("rebinding.test", func(n int) string { return "127.0.0." + []string{"1", "2"}[n%2] })
	at, err := sender.CheckURL("http://rebinding.test:"+catcher.port(), guard)
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, sender.ClientOptions{Guard: guard, Resolver: dns.resolver()})
	for n := range 6 {
		ex := postWithin(t, c, 2*time.Second, sender.Post{URL: at})
		if n%2 == 0 && ex.Status != http.StatusOK || n%2 == 1 && ex.Class != sender.ClassBlocked {
			t.Errorf("attempt %d: %s, error %v", n, ex.Encode(), ex.Err)
		}
	}
	if open.accepted.Load() != 3 || catcher.accepted.Load() != 0 || dns.lookups("rebinding.test") != 6 {
		t.Errorf("%d connections, %d to what is forbidden, %d lookups", open.accepted.Load(), catcher.accepted.Load(), dns.lookups("rebinding.test"))
	}
}

// TestSpellingsAreNotDialed: what no endpoint may be named is not dialed either, where
// it was saved before it was refused; also if the resolver understands any spelling.
// (E-01, E-02, E-03, E-04, E-G1)
func TestSpellingsAreNotDialed(t *testing.T) {
	catcher := newCatcher(t)
	var lookups atomic.Int64
	lenient := resolverFunc(func(context.Context, string, string) ([]netip.Addr, error) {
		lookups.Add(1)
		return []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::ffff:127.0.0.1"), netip.MustParseAddr("::1")}, nil
	})
	for _, allow := range []string{"", "10.77.0.0/16"} {
		c := newClient(t, sender.ClientOptions{Guard: newGuard(t, allow), Resolver: lenient})
		for _, host := range spellings() {
			for _, scheme := range []string{"http", "https"} {
				if ex := postWithin(t, c, 2*time.Second, sender.Post{URL: scheme + "://" + host + ":" + catcher.port() + "/"}); ex.Class != sender.ClassBlocked && ex.Class != sender.ClassURL {
					t.Errorf("%s %q: %+v", scheme, host, ex)
				}
			}
		}
	}
	if n := catcher.accepted.Load(); n != 0 {
		t.Errorf("%d connections", n)
	}
	if lookups.Load() == 0 {
		t.Error("no name was looked up")
	}
	off := newClient(t, sender.ClientOptions{Resolver: lenient})
	postWithin(t, off, 2*time.Second, sender.Post{URL: "http://intranet:" + catcher.port() + "/"})
	if catcher.accepted.Load() == 0 {
		t.Error("the listener hears of nothing, even without a guard")
	}
}

type resolverFunc func(ctx context.Context, network, host string) ([]netip.Addr, error)

func (f resolverFunc) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	return f(ctx, network, host)
}

// TestAllowedAddress: an allowed address is posted to, also if the name has others that
// are not: these are left out. Its neighbours are not. What a private network answers is
// not shown if it is no success. (E-05, E-11)
func TestAllowedAddress(t *testing.T) {
	// The neighbour has the same port: another is taken if that is not free here.
	var catcher *peer
	var s net.Listener
	err := errors.New("no port was tried")
	for range 20 {
		catcher = newPeer(t, "127.0.0.2:0", func(net.Conn, <-chan struct{}) {})
		if s, err = new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:"+catcher.port()); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	status := http.StatusOK
	handler := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Inside", "inside")
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(status)
		io.WriteString(w, "what is inside")
	}
	server := &httptest.Server{Listener: s, Config: &http.Server{Handler: http.HandlerFunc(handler)}}
	server.Start()
	defer server.Close()
	dns := newNames(t)
	dns.set("mixed.test", func(int) string { return "127.0.0.2 10.0.0.1 127.0.0.1 ::1" })
	dns.set("neighbour.test", func(int) string { return "127.0.0.2" })
	c := newClient(t, sender.ClientOptions{Guard: newGuard(t, "127.0.0.1/32"), Resolver: dns.resolver()})
	for _, status = range []int{200, 204, 301, 400, 404, 500} {
		ex := postWithin(t, c, 2*time.Second, sender.Post{URL: "http://mixed.test:" + catcher.port() + "/"})
		shown := strings.Contains(string(ex.Encode()), "inside")
		if ex.Status != status || ex.RetryAfter != "7" || ex.Withheld != (status > 299) || shown == ex.Withheld {
			t.Errorf("status %d: %s, error %v", status, ex.Encode(), ex.Err)
		}
	}
	if ex := postWithin(t, c, 2*time.Second, sender.Post{URL: "http://neighbour.test:" + catcher.port() + "/"}); ex.Class != sender.ClassBlocked {
		t.Errorf("%+v", ex)
	}
	if n := catcher.accepted.Load(); n != 0 {
		t.Errorf("%d connections to the neighbour", n)
	}
}

// TestNamesThatDoNotResolve: no such name, no address, a server that fails and one that
// does not answer.
func TestNamesThatDoNotResolve(t *testing.T) {
	dns := newNames(t)
	dns.set("empty.test", func(int) string { return "" })
	c := newClient(t, sender.ClientOptions{Guard: newGuard(t, ""), Resolver: dns.resolver()})
	for _, host := range []string{"missing.test", "empty.test"} {
		if ex := postWithin(t, c, 2*time.Second, sender.Post{URL: "https://" + host}); ex.Class != sender.ClassDNS || ex.Reason != "the host's name has no address" {
			t.Errorf("%s: %+v", host, ex)
		}
	}
	before := time.Now()
	for name, c := range map[string]struct {
		resolver resolverFunc
		class    sender.Class
		reason   string
	}{
		"fails": {func(context.Context, string, string) ([]netip.Addr, error) {
			return nil, &net.DNSError{Err: "server misbehaving", Name: "x", IsTemporary: true}
		}, sender.ClassDNS, "the host's name cannot be looked up"},
		"returns none": {func(context.Context, string, string) ([]netip.Addr, error) { return nil, nil }, sender.ClassDNS, "the host's name has no address"},
		"hangs": {func(ctx context.Context, _, _ string) ([]netip.Addr, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, sender.ClassTimeout, "the host's name was not looked up in time"},
	} {
		client := newClient(t, sender.ClientOptions{Guard: newGuard(t, ""), Resolver: c.resolver, DialTimeout: 50 * time.Millisecond})
		if ex := postWithin(t, client, 2*time.Second, sender.Post{URL: "https://endpoint.test"}); ex.Class != c.class || ex.Reason != c.reason {
			t.Errorf("%s: %+v", name, ex)
		}
	}
	if took := time.Since(before); took > 3*time.Second {
		t.Errorf("took %v", took)
	}
}

// TestNextAddress: an address that does not answer costs little time, and one that
// refuses none. No more than eight are tried.
func TestNextAddress(t *testing.T) {
	s, a := newEndpoint(t, func(http.ResponseWriter, *http.Request) {})
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	var refusing []netip.Addr
	for i := range 6 {
		refusing = append(refusing, netip.AddrFrom4([4]byte{127, 0, 1, byte(i)}))
	}
	good := netip.MustParseAddr("127.0.0.1")
	for n, found := range [][]netip.Addr{
		{good}, append(slices.Clone(refusing), good), append(slices.Clone(refusing), good, good, netip.MustParseAddr("::ffff:127.0.0.1")), {netip.MustParseAddr("::1"), good},
	} {
		c := newClient(t, sender.ClientOptions{RootCAs: a.pool, Resolver: resolverFunc(func(context.Context, string, string) ([]netip.Addr, error) { return found, nil })})
		if ex := postWithin(t, c, 3*time.Second, sender.Post{URL: "https://endpoint.test:" + port}); ex.Status != http.StatusOK {
			t.Errorf("%d: %+v", n, ex)
		}
	}
	for i := range 4 {
		refusing = append(refusing, netip.AddrFrom4([4]byte{127, 0, 2, byte(i)}))
	}
	c := newClient(t, sender.ClientOptions{RootCAs: a.pool, Resolver: resolverFunc(func(context.Context, string, string) ([]netip.Addr, error) { return append(refusing, good), nil })})
	if ex := postWithin(t, c, 3*time.Second, sender.Post{URL: "https://endpoint.test:" + port}); ex.Class != sender.ClassRefused {
		t.Errorf("a ninth address: %+v", ex)
	}
}
