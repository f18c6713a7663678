package postgres_test

import (
	"bytes"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"
)

// proxy is a network between a store and its server that can be cut, fall silent, and
// be slow.
type proxy struct {
	t      *testing.T
	target string
	listen net.Listener

	mu     sync.Mutex
	opened *sync.Cond // of mu: open was set, or a link has ended
	open   bool
	refuse bool
	delay  time.Duration
	after  int // new links are stranded after so many answers; negative: never
	links  map[*link]bool
	trips  map[string]int
}

// link is one connection through the proxy.
type link struct {
	client, server net.Conn
	kind           string // writer, pool or lease
	asked          bool   // the client has spoken last
	answers        int
	limit          int  // stranded after so many answers; negative: never
	stranded       bool // nothing goes through any more, and nobody is told
	ended          bool
}

// newProxy stands before the server of a connection string, and returns that of the
// proxy.
func newProxy(t *testing.T, dsn string) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, target: u.Host, listen: listen, open: true, after: -1, links: make(map[*link]bool), trips: make(map[string]int)}
	p.opened = sync.NewCond(&p.mu)
	u.Host = listen.Addr().String()
	u.RawQuery = "sslmode=disable"
	var done sync.WaitGroup
	done.Go(func() {
		for {
			client, err := listen.Accept()
			if err != nil {
				return
			}
			done.Go(func() { p.serve(client, &done) })
		}
	})
	t.Cleanup(func() {
		_ = listen.Close()
		p.set(func() { p.open, p.refuse = true, true })
		p.cut()
		done.Wait()
	})
	return p, u.String()
}

// set changes how the proxy is.
func (p *proxy) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	p.opened.Broadcast()
}

// silence lets nothing through until it is called again; nobody is told, and what
// comes meanwhile is delivered afterwards.
func (p *proxy) silence(silent bool) { p.set(func() { p.open = !silent }) }

// strand lets nothing through on the connections of now, ever; nobody is told.
func (p *proxy) strand() {
	p.set(func() {
		for l := range p.links {
			l.stranded = true
		}
	})
}

// cut closes all connections.
func (p *proxy) cut() {
	p.set(func() {
		for l := range p.links {
			p.end(l)
		}
	})
}

// end closes a link, as a reset does.
func (p *proxy) end(l *link) {
	if l.ended {
		return
	}
	l.ended = true
	for _, c := range []net.Conn{l.client, l.server} {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // it is closed all the same
		}
		if c != nil {
			_ = c.Close() // it is a cut
		}
	}
	p.opened.Broadcast()
}

// count returns how many round trips connections of a kind have made.
func (p *proxy) count(kind string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.trips[kind]
}

func (p *proxy) serve(client net.Conn, done *sync.WaitGroup) {
	p.mu.Lock()
	l := &link{client: client, limit: p.after}
	p.links[l] = true
	refuse := p.refuse
	p.mu.Unlock()
	drop := func() {
		p.set(func() {
			p.end(l)
			delete(p.links, l)
		})
	}
	if refuse || !p.pass(l) {
		drop()
		return
	}
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		drop()
		return
	}
	p.set(func() {
		if l.server = server; l.ended { // cut meanwhile
			_ = server.Close()
		}
	})
	done.Go(func() {
		defer drop()
		p.copy(l, server, client, false)
	})
	defer drop()
	p.copy(l, client, server, true)
}

// pass waits until a link lets something through, and reports false if it has ended.
func (p *proxy) pass(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for (!p.open || l.stranded) && !l.ended {
		p.opened.Wait()
	}
	return !l.ended
}

func (p *proxy) copy(l *link, from, to net.Conn, asking bool) {
	chunk := make([]byte, 256<<10)
	for {
		n, err := from.Read(chunk)
		if n > 0 {
			p.note(l, chunk[:n], asking)
			if !p.pass(l) {
				return
			}
			if _, err := to.Write(chunk[:n]); err != nil {
				return
			}
		}
		if err != nil {
			_ = p.pass(l) // an end is not told through silence, either
			return
		}
	}
}

// note sees what goes by, and takes its time.
func (p *proxy) note(l *link, chunk []byte, asking bool) {
	p.mu.Lock()
	delay := p.delay
	if l.kind == "" && asking {
		switch {
		case bytes.Contains(chunk, []byte("force_generic_plan")):
			l.kind = "writer"
		case bytes.Contains(chunk, []byte("force_custom_plan")):
			l.kind = "pool"
		case bytes.Contains(chunk, []byte("hookgate lease")):
			l.kind = "lease"
		}
	}
	switch {
	case asking:
		l.asked = true
	case l.asked:
		l.asked = false
		p.trips[l.kind]++
		if l.answers++; l.limit >= 0 && l.answers > l.limit {
			l.stranded = true
		}
	}
	p.mu.Unlock()
	if delay > 0 {
		time.Sleep(delay) // the way is long
	}
}
