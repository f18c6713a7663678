package caddymodule_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// TestChain: what a chain can be made of, run apart from any request, twice for
// each event: the app fails the first attempt. Each row is a pitfall of running
// compiled handlers so: groups and rewrites that count as done, placeholders of
// the connection, variables, named routes, headers that hijack. (U-04, B-07)
func TestChain(t *testing.T) {
	for name, row := range map[string]struct{ forward, path string }{
		"grouped routes":       {"handle /hooks/a {\nreverse_proxy %s\n}\nhandle {\nrespond 404\n}", "/hooks/a"},
		"rewrite":              {"rewrite * /rewritten\nreverse_proxy %s", "/rewritten"},
		"uri":                  {"uri strip_prefix /hooks\nreverse_proxy %s", "/a"},
		"handle_path":          {"handle_path /hooks/* {\nreverse_proxy %s\n}", "/a"},
		"route":                {"route {\nvars x y\nrewrite /{vars.x}\nreverse_proxy %s\n}", "/y"},
		"named matcher":        {"@svix header Svix-Id *\nreverse_proxy @svix %s", "/hooks/a"},
		"expression":           {"@e expression {http.request.header.Hookgate-Id}.startsWith('msg')\nreverse_proxy @e %s", "/hooks/a"},
		"placeholders":         {"request_header X-All \"{http.request.local} {http.request.remote} {http.request.uuid} {http.request.scheme} {http.request.orig_uri} {client_ip} {http.shutting_down} {http.request.tls.version} {http.response.header.X}\"\nreverse_proxy %s", "/hooks/a"},
		"log fields":           {"log_append a b\nreverse_proxy %s", "/hooks/a"},
		"intercept":            {"intercept {\n@e status 599\nhandle_response @e {\nrespond 500\n}\n}\nreverse_proxy %s", "/hooks/a"},
		"handle_response":      {"reverse_proxy %s {\n@teapot status 418\nhandle_response @teapot {\nrespond 500\n}\n}", "/hooks/a"},
		"cookie lb policy":     {"reverse_proxy %s {\nlb_policy cookie\n}", "/hooks/a"},
		"request_body buffers": {"request_body {\nmax_size 1MB\n}\nreverse_proxy %s", "/hooks/a"},
		"invoke":               {"invoke app", "/hooks/a"},
		"encode":               {"encode gzip\nreverse_proxy %s", "/hooks/a"},
		"templates":            {"templates\nreverse_proxy %s", "/hooks/a"},
	} {
		t.Run(name, func(t *testing.T) {
			app, address := newApp(t), freeAddress(t)
			var failed sync.Map
			app.set(func(r *http.Request) int {
				if _, again := failed.LoadOrStore(r.Header.Get("Hookgate-Id"), true); !again {
					return http.StatusInternalServerError
				}
				return http.StatusOK
			})
			forward := strings.ReplaceAll(row.forward, "%s", app.address())
			site := forwarding(address, "forward {\n"+forward+"\n}\nretry 20ms forever")
			if name == "invoke" {
				site = "&(app) {\nreverse_proxy " + app.address() + "\n}\n" + site
			}
			run(t, stored(t), site)
			r := svix(t, "http://"+address+"/hooks/a", "msg_1")
			r.Header.Set("Connection", "Upgrade")
			r.Header.Set("Upgrade", "websocket")
			accepted(t, r, "accepted")
			for i, got := range app.wait(t, 2) {
				if got.URL.Path != row.path || got.Header.Get("Upgrade") != "" || got.Header.Get("Hookgate-Attempt") != fmt.Sprint(i+1) {
					t.Errorf("attempt %d at %s, attempt %s, upgrade %q", i+1, got.URL.Path, got.Header.Get("Hookgate-Attempt"), got.Header.Get("Upgrade"))
				}
				if name == "placeholders" && !strings.HasPrefix(got.Header.Get("X-All"), "127.0.0.1:") {
					t.Errorf("placeholders: %q", got.Header.Get("X-All"))
				}
			}
		})
	}
}

// TestChainOutcomes: only a 2xx status line is a delivery. What no handler has
// taken, what an error, a redirect or a cut connection answers is tried again; a
// response that never ends is one as soon as its status is there. (U-02, U-06, U-07,
// U-08, U-09, U-10)
func TestChainOutcomes(t *testing.T) {
	endless := func(w http.ResponseWriter) {
		w.WriteHeader(http.StatusOK)
		for {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}
	huge := func(w http.ResponseWriter) {
		for i := range 10 {
			w.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("x", 1<<20))
		}
		w.WriteHeader(http.StatusOK)
	}
	garbage := func(w http.ResponseWriter) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_, _ = conn.Write([]byte("HTTP/9.9 two hundred\r\n\x00\r\n\r\n"))
			_ = conn.Close()
		}
	}
	for name, row := range map[string]struct {
		forward   string // %s is the app
		app       func(http.ResponseWriter)
		delivered bool
	}{
		"2xx":                 {"reverse_proxy %s", func(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) }, true},
		"endless 200":         {"reverse_proxy %s", endless, true},
		"200 cut off":         {"reverse_proxy %s", func(w http.ResponseWriter) { w.Header().Set("Content-Length", "9"); _, _ = w.Write([]byte("12")) }, true},
		"headers of 10 MB":    {"reverse_proxy %s", huge, false},
		"no HTTP":             {"reverse_proxy %s", garbage, false},
		"respond":             {"request_header X-Y z\nreverse_proxy /hooks/never %s\nrespond 200", nil, true},
		"redirect":            {"reverse_proxy %s", func(w http.ResponseWriter) { w.Header().Set("Location", "/x"); w.WriteHeader(http.StatusFound) }, false},
		"500":                 {"reverse_proxy %s", func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) }, false},
		"reset":               {"reverse_proxy %s", func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, false},
		"nobody":              {"reverse_proxy /hooks/never %s", nil, false},
		"terminal, unhandled": {"handle /hooks/a {\nvars a b\n}", nil, false},
		"error":               {"error 503", nil, false},
		"abort":               {"abort", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			app, address := newApp(t, func(s *http.Server) {
				if row.app != nil {
					s.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { row.app(w) })
				}
			}), freeAddress(t)
			forward := strings.ReplaceAll(row.forward, "%s", app.address())
			run(t, stored(t), forwarding(address, "forward {\n"+forward+"\n}\nretry 10ms 10ms\ntimeout 5s"))
			accepted(t, svix(t, "http://"+address+"/hooks/a", "msg_1"), "accepted")
			eventually(t, func() bool {
				pending, dead := counts(t, "source/travtus")
				if pending > 0 {
					return false
				}
				if (dead == 0) != row.delivered {
					t.Errorf("delivered %v", dead == 0)
				}
				return true
			}, "never: the event is settled")
		})
	}
}

// TestBadCertificate: an app whose certificate nobody vouches for is not given the
// event; the attempt says why. (U-16)
func TestBadCertificate(t *testing.T) {
	address := freeAddress(t)
	var called atomic.Bool
	app := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called.Store(true) }))
	app.Config.ErrorLog = log.New(io.Discard, "", 0)
	app.StartTLS()
	t.Cleanup(app.Close)
	run(t, stored(t), forwarding(address, "forward https://"+app.Listener.Addr().String()+"\nretry 10ms"))
	accepted(t, svix(t, "http://"+address+"/hooks/a", "msg_1"), "accepted")
	eventually(t, func() bool { _, dead := counts(t, "source/travtus"); return dead == 1 }, "never: the event is dead")
	if called.Load() {
		t.Error("the app was given the event")
	}
}
