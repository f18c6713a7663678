//go:build linux

package main

import (
	"fmt"
	"net"
	"net/url"
	"sync"
	"testing"
)

// wire is a way to a server that can be cut: connections through it end, and new ones
// end at once; or that swallows what is sent, as a network does that is parted.
type wire struct {
	listener net.Listener
	target   string

	mu    sync.Mutex
	conns map[net.Conn]bool
	isCut bool
	flow  chan struct{} // closed while bytes flow
}

func newWire(t *testing.T, target string) *wire {
	t.Helper()
	w := &wire{target: target, conns: make(map[net.Conn]bool), flow: make(chan struct{})}
	close(w.flow)
	var err error
	if w.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	var ends sync.WaitGroup
	ends.Go(func() {
		for {
			conn, err := w.listener.Accept()
			if err != nil {
				return
			}
			ends.Go(func() { w.carry(conn) })
		}
	})
	t.Cleanup(func() {
		w.listener.Close()
		w.flows()
		w.cut()
		ends.Wait()
	})
	return w
}

// dsn is a connection string by way of the wire.
func (w *wire) dsn(t *testing.T, dsn string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = fmt.Sprintf("127.0.0.1:%d", w.listener.Addr().(*net.TCPAddr).Port)
	return u.String()
}

// carry brings bytes both ways until one end closes.
func (w *wire) carry(near net.Conn) {
	defer near.Close()
	far, err := net.Dial("tcp", w.target)
	if err != nil {
		return
	}
	defer far.Close()
	if !w.keep(near, far) {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.pipe(far, near)
	}()
	w.pipe(near, far)
	<-done
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, near)
	delete(w.conns, far)
}

func (w *wire) keep(conns ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.isCut {
		return false
	}
	for _, c := range conns {
		w.conns[c] = true
	}
	return true
}

// pipe carries one way, and then closes both ends.
func (w *wire) pipe(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		w.mu.Lock()
		flow := w.flow
		w.mu.Unlock()
		<-flow
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// cut ends all connections, and new ones, until it is mended.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isCut = true
	for c := range w.conns {
		c.Close()
	}
}

func (w *wire) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isCut = false
}

// stall holds all bytes until they flow again.
func (w *wire) stall() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flow = make(chan struct{})
}

func (w *wire) flows() {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.flow:
	default:
		close(w.flow)
	}
}
