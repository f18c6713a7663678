package sender_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/hookgate/hookgate/sender"
)

// authority issues certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pool        *x509.CertPool
}

func newAuthority(tb testing.TB) *authority {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "an authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	a := &authority{key: key, pool: x509.NewCertPool()}
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		tb.Fatal(err)
	}
	a.pool.AddCert(a.certificate)
	return a
}

// issue returns a certificate for loopback and names of .test, unless change makes
// another of it. It is signed by itself if self is set.
func (a *authority) issue(tb testing.TB, self bool, change func(*x509.Certificate)) tls.Certificate {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "an endpoint"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, DNSNames: []string{"*.test"}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if change != nil {
		change(template)
	}
	parent, signer := a.certificate, a.key
	if self {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		tb.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// peer is a server that does what it is told to with each connection.
type peer struct {
	net.Listener
	accepted atomic.Int64
	serving  sync.WaitGroup
	stopped  chan struct{}
}

// newPeer listens on an address of loopback; serve has a connection until it returns.
// What it waits for ends when stop is closed.
func newPeer(tb testing.TB, address string, serve func(conn net.Conn, stop <-chan struct{})) *peer {
	tb.Helper()
	listener, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", address)
	if err != nil {
		tb.Fatal(err)
	}
	p := &peer{Listener: listener, stopped: make(chan struct{})}
	tb.Cleanup(p.stop)
	p.serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			p.accepted.Add(1)
			p.serving.Go(func() {
				defer conn.Close()
				defer context.AfterFunc(stopContext(p.stopped), func() { conn.Close() })()
				serve(conn, p.stopped)
			})
		}
	})
	return p
}

// stopContext is a context that ends with a channel.
func stopContext(stop <-chan struct{}) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-stop
		cancel()
	}()
	return ctx
}

// stop ends the peer and its connections.
func (p *peer) stop() {
	select {
	case <-p.stopped:
	default:
		close(p.stopped)
	}
	p.Close()
	p.serving.Wait()
}

func (p *peer) port() string { return strconv.Itoa(p.Addr().(*net.TCPAddr).Port) }

// newCatcher counts the connections to any address of this machine, of IPv4 and IPv6,
// at one port.
func newCatcher(tb testing.TB) *peer {
	tb.Helper()
	return newPeer(tb, ":0", func(net.Conn, <-chan struct{}) {})
}

// names is a DNS server. It answers a question for a name by what its function
// returns: addresses, or names that it is another name of.
type names struct {
	mu     sync.Mutex
	answer map[string]func(n int) string
	asked  map[string]int
	conn   net.PacketConn
}

func newNames(tb testing.TB) *names {
	tb.Helper()
	conn, err := new(net.ListenConfig).ListenPacket(tb.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := &names{answer: map[string]func(int) string{}, asked: map[string]int{}, conn: conn}
	var serving sync.WaitGroup
	serving.Go(s.serve)
	tb.Cleanup(func() {
		conn.Close()
		serving.Wait()
	})
	return s
}

// set says what a name stands for, separated by blanks.
func (s *names) set(name string, answer func(n int) string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer[name] = answer
}

// lookups is how often a name was looked up.
func (s *names) lookups(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[name]
}

func (s *names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", s.conn.LocalAddr().String())
	}}
}

func (s *names) serve() {
	packet := make([]byte, 1500)
	for {
		n, from, err := s.conn.ReadFrom(packet)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(packet[:n]) != nil || len(m.Questions) != 1 {
			continue
		}
		m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
		s.fill(&m)
		if reply, err := m.Pack(); err == nil {
			s.conn.WriteTo(reply, from)
		}
	}
}

func (s *names) fill(m *dnsmessage.Message) {
	q := m.Questions[0]
	name := strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))
	s.mu.Lock()
	answer, ok := s.answer[name]
	if q.Type == dnsmessage.TypeA { // AAAA is asked for beside it, and not counted
		s.asked[name]++
	}
	n := s.asked[name]
	s.mu.Unlock()
	if !ok {
		m.RCode = dnsmessage.RCodeNameError
		return
	}
	owner := q.Name
	for text := range strings.FieldsSeq(answer(n)) {
		header := dnsmessage.ResourceHeader{Name: owner, Class: dnsmessage.ClassINET}
		address, err := netip.ParseAddr(text)
		switch {
		case err != nil:
			owner = dnsmessage.MustNewName(text + ".")
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.CNAMEResource{CNAME: owner}})
		case address.Is4() && q.Type == dnsmessage.TypeA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: address.As4()}})
		case address.Is6() && q.Type == dnsmessage.TypeAAAA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: address.As16()}})
		}
	}
}

// postWithin posts with a deadline, and errs if it is not kept.
func postWithin(tb testing.TB, c *sender.Client, limit time.Duration, p sender.Post) *sender.Exchange {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), limit)
	defer cancel()
	begun := time.Now()
	ex := c.Post(ctx, p)
	if took := time.Since(begun); took > limit+long {
		tb.Errorf("%s: took %v of %v", p.URL, took, limit)
	}
	if (ex.Class == "") != (ex.Err == nil) || (ex.Class == "") != (ex.Reason == "") {
		tb.Errorf("%s: class %q, reason %q, error %v", p.URL, ex.Class, ex.Reason, ex.Err)
	}
	if back, err := sender.DecodeExchange(ex.Encode()); err != nil || back.Status != ex.Status || back.Class != ex.Class {
		tb.Errorf("%s: %s is read as %v, error %v", p.URL, ex.Encode(), back, err)
	}
	return ex
}

// noLeak errs if there are more goroutines than there were before.
func noLeak(tb testing.TB, before int) {
	tb.Helper()
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			tb.Errorf("%d goroutines, there were %d:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
			return
		}
		runtime.Gosched()
		<-time.After(time.Millisecond)
	}
}
