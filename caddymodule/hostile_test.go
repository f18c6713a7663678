package caddymodule_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// TestForgedOpensNoConnection: a request that is refused does not reach the app,
// not even as a connection. (R-01, pitfall 33)
func TestForgedOpensNoConnection(t *testing.T) {
	var opened atomic.Int64
	app, address := newApp(t, func(s *http.Server) {
		s.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				opened.Add(1)
			}
		}
	}), freeAddress(t)
	run(t, quiet, source(address, app.address(), ""))
	for i := range 50 {
		forged := svix(t, "http://"+address+"/hooks", fmt.Sprintf("msg_%d", i))
		forged.Header.Set("Svix-Id", "msg_other")
		if status, _, _ := send(t, forged); status != http.StatusUnauthorized {
			t.Errorf("status %d", status)
		}
		sendRaw(t, address, "POST /hooks HTTP/1.1\r\nHost: "+address+"\r\nContent-Length: 1000000\r\nConnection: close\r\n\r\n")
	}
	if n := opened.Load(); n != 0 {
		t.Errorf("%d connections to the app", n)
	}
	if status, _, _ := send(t, svix(t, "http://"+address+"/hooks", "msg_genuine")); status != http.StatusOK || opened.Load() != 1 {
		t.Errorf("a genuine one: status %d, %d connections", status, opened.Load())
	}
}

// TestBodyChangedBeforeUs: what a handler before us makes of the body is what is
// verified, so that an event is refused rather than passed on in another form.
// (S-20)
func TestBodyChangedBeforeUs(t *testing.T) {
	app, address := newApp(t), freeAddress(t)
	run(t, quiet, source(address, app.address(), "request_body {\nset changed\n}"))
	if status, _, text := send(t, svix(t, "http://"+address+"/hooks", "msg_1")); status != http.StatusUnauthorized {
		t.Errorf("status %d: %s", status, text)
	}
	if n := len(app.take()); n != 0 {
		t.Errorf("the app was called %d times", n)
	}
}

// TestFoldedHeader: a header continued on the next line is one value with a blank
// in it. (H-04)
func TestFoldedHeader(t *testing.T) {
	app, address := newApp(t), freeAddress(t)
	run(t, quiet, source(address, app.address(), ""))
	r := svix(t, "http://"+address+"/hooks", "msg_1")
	signature := r.Header.Get("Svix-Signature")
	for _, folded := range []string{signature[:20] + "\r\n " + signature[20:], "v1,\r\n\t" + signature[3:] + "x", signature[:5] + "\r\n  \r\n " + signature[5:]} {
		status := sendRaw(t, address, "POST /hooks HTTP/1.1\r\nHost: "+address+"\r\nSvix-Id: msg_1\r\nSvix-Timestamp: "+r.Header.Get("Svix-Timestamp")+
			"\r\nSvix-Signature: "+folded+fmt.Sprintf("\r\nContent-Length: %d\r\nConnection: close\r\n\r\n", r.ContentLength)+`{"type":"a.b","n":"msg_1"}`)
		if status != http.StatusBadRequest && status != http.StatusUnauthorized {
			t.Errorf("%q: status %d", folded, status)
		}
	}
	if n := len(app.take()); n != 0 {
		t.Errorf("the app was called %d times", n)
	}
}

// TestTokenIsFilteredFromTheAccessLog: Caddy logs request headers; the filter that
// docs/operating.md shows keeps the secret of a token scheme out.
func TestTokenIsFilteredFromTheAccessLog(t *testing.T) {
	const token = "canary-0123456789abcdef"
	t.Setenv("TOKEN", token)
	for _, filter := range []string{"", "format filter {\nrequest>headers>X-Gitlab-Token delete\n}\n"} {
		app, address := newApp(t), freeAddress(t)
		log := filepath.Join(t.TempDir(), "access")
		run(t, quiet, "http://"+address+" {\nlog {\noutput file "+log+"\n"+filter+"}\nwebhook /hooks* gitlab {\nverify gitlab_token {env.TOKEN} {\nallow_weak\n}\n}\nreverse_proxy "+app.address()+"\n}\n")
		r, err := http.NewRequest(http.MethodPost, "http://"+address+"/hooks", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Gitlab-Token", token)
		if status, _, text := send(t, r); status != http.StatusOK {
			t.Fatalf("status %d: %s", status, text)
		}
		var line []byte
		eventually(t, func() bool {
			line, _ = os.ReadFile(log)
			return len(line) > 0
		}, "no access log line")
		if strings.Contains(string(line), token) != (filter == "") {
			t.Errorf("with the filter %q: %s", filter, line)
		}
	}
}
