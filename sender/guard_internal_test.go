package sender

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
)

// TestControlIsTheLastWord: the dialer itself asks the guard about the address that it
// is about to connect to, whatever was checked before. Without it the listener hears of
// the connection, so the check can fail. (E-05, E-06)
func TestControlIsTheLastWord(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	var accepted atomic.Int64
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			accepted.Add(1)
			conn.Close()
		}
	}()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	guard, err := NewGuard([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})
	if err != nil {
		t.Fatal(err)
	}
	for _, plain := range []bool{true, false} {
		dialer := &net.Dialer{ControlContext: guard.control(plain)}
		for _, host := range []string{"127.0.0.1", "::1", "localhost", "0.0.0.0", "::", "::ffff:127.0.0.1", "①②⑦.⓪.⓪.①", ""} {
			conn, err := dialer.DialContext(t.Context(), "tcp", net.JoinHostPort(host, port))
			if err == nil {
				conn.Close()
			}
			if host != "①②⑦.⓪.⓪.①" && !errors.Is(err, ErrBlocked) || err == nil {
				t.Errorf("%q: %v", host, err)
			}
		}
	}
	if n := accepted.Load(); n != 0 {
		t.Errorf("%d connections", n)
	}
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", net.JoinHostPort("0.0.0.0", port))
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	listener.Close()
	<-ended
	if accepted.Load() != 1 {
		t.Error("the listener hears of nothing, even without a guard")
	}
}

// TestControl: what the dialer says it connects to is read as it writes it.
func TestControl(t *testing.T) {
	guard, err := NewGuard([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]bool{
		"10.1.2.3:443": true, "8.8.8.8:443": true, "[2606:4700::1111]:443": true, "11.1.2.3:80": true, "192.168.1.1:443": false, "[fe80::1%eth0]:443": false,
		"[::ffff:10.1.2.3]:443": true, "[::ffff:127.0.0.1]:443": false, "127.0.0.1:443": false, "example.com:443": false, "": false, "10.1.2.3": false,
	} {
		for _, network := range []string{"tcp4", "tcp6"} {
			if err := guard.control(false)(t.Context(), network, address, nil); (err == nil) != want || err != nil && !errors.Is(err, ErrBlocked) {
				t.Errorf("%s: %v", address, err)
			}
		}
		if err := guard.control(false)(t.Context(), "udp4", address, nil); err == nil {
			t.Errorf("%s over UDP passes", address)
		}
	}
	if err := guard.control(true)(context.Background(), "tcp4", "8.8.8.8:80", nil); !errors.Is(err, ErrBlocked) {
		t.Errorf("plain http to a public address: %v", err)
	}
}
