package api_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/store"
)

// Whatever is asked for, the answer is JSON, and nothing of it is kept by a browser or
// a proxy.
func TestEveryAnswerIsJSON(t *testing.T) {
	s := newServer(t, config{})
	app := s.app("u")
	for request, want := range map[string]int{
		"GET /app/" + app:                       200,
		"GET /app/" + app + "/":                 200,
		"HEAD /app/" + app:                      200,
		"GET /none":                             404,
		"GET ":                                  404,
		"GET /":                                 404,
		"GET /app/" + app + "/none":             404,
		"GET /app//endpoint":                    404,
		"GET /app/x/../" + app:                  404,
		"GET /app/" + app + "//":                404,
		"GET /app/u%2Fendpoint":                 404,
		"GET /app/%00":                          404,
		"GET /app/%ff":                          404,
		"GET /app/..%2f..%2fhealth":             404,
		"POST /app/" + app:                      405,
		"PUT /health/ping":                      405,
		"TRACE /app":                            405,
		"OPTIONS /app":                          405,
		"DELETE /app":                           405,
		"GET /auth/logout":                      405,
		"PATCH /app/" + app + "/msg":            405,
		"FOO /app":                              405,
		"GET /app/" + strings.Repeat("x", 5000): 404,
		"POST /auth/one-time-token":             422,
		"GET /app?limit=%zz":                    400,
		"GET /app?a;b":                          400,
	} {
		method, path, _ := strings.Cut(request, " ")
		got := s.request(s.org, method, path, nil)
		if got.status != want {
			t.Errorf("%s: %d %s, want %d", request, got.status, got.body, want)
			continue
		}
		if method != "HEAD" {
			got.json(t)
		}
		for name, value := range map[string]string{
			"Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Referrer-Policy": "no-referrer", "Access-Control-Allow-Origin": "*",
		} {
			if got.header.Get(name) != value {
				t.Errorf("%s: %s is %q", request, name, got.header.Get(name))
			}
		}
		if allow := got.header.Get("Allow"); (allow != "") != (want == 405) || strings.Contains(allow, method) {
			t.Errorf("%s: Allow is %q", request, allow)
		}
	}
	// Beside /api/v1 there is nothing.
	for _, path := range []string{"", "/", "/api", "/api/v2/app", "/api/v1x", "/app"} {
		resp, err := http.Get(s.url + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusNotFound || !strings.Contains(string(body), `"code":"not_found"`) {
			t.Errorf("%q: %d %s", path, resp.StatusCode, body)
		}
	}
}

// SDKs that do not strip a slash send two, and people send one at the end.
func TestSlashes(t *testing.T) {
	s := newServer(t, config{})
	app := s.app("u")
	for _, path := range []string{"//api/v1/app/u", "/api/v1/app/u/", "///api/v1/app/u/", "//api/v1/app/u?x=y"} {
		req := httptest.NewRequest(http.MethodGet, "http://x/", nil)
		req.Header.Set("Authorization", "bearer "+s.org)
		target, err := req.URL.Parse("http://x" + path)
		if err != nil {
			t.Fatal(err)
		}
		req.URL = target
		w := httptest.NewRecorder()
		s.api.ServeHTTP(w, req)
		if w.Code != 200 || !strings.Contains(w.Body.String(), app) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestCORS(t *testing.T) {
	s := newServer(t, config{})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, s.url+"/api/v1/app/x/endpoint", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Origin", "https://app.example.com")
	req.Header.Set("Access-Control-Request-Method", "PATCH")
	req.Header.Set("Access-Control-Request-Headers", "authorization,svix-req-id")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	h := resp.Header
	if resp.StatusCode != http.StatusNoContent || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Headers") != "authorization,svix-req-id" ||
		!strings.Contains(h.Get("Access-Control-Allow-Methods"), "PATCH") || h.Get("Access-Control-Max-Age") != "600" || h.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("%d %v", resp.StatusCode, h)
	}
	for _, method := range []string{"GET", "POST"} { // refusals can be read by pages, too
		if got := s.request("", method, "/app", nil, "Origin", "https://app.example.com"); got.status != 401 || got.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %d %v", method, got.status, got.header)
		}
	}
}

// raw sends a request as it is written.
func (s *server) raw(t testing.TB, request string) (int, string) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(s.url, "http://"), 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}

// The Go SDK sends requests without a body as chunked ones with nothing in them; and bodies
// that are larger than they may be are refused, declared or not.
func TestBodiesOnTheWire(t *testing.T) {
	s := newServer(t, config{})
	r := newReceiver(t, nil)
	w := newWorld(t, s, r)
	request := func(line string, more string) string {
		return line + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + s.org + "\r\n" + more
	}
	resend := fmt.Sprintf("POST /api/v1/app/%s/msg/%s/endpoint/%s/resend", w.app, w.message, w.endpoint)
	status, body := s.raw(t, request(resend, "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"))
	if status != 202 || body != "{}" {
		t.Errorf("chunked, without a body: %d %s", status, body)
	}
	status, body = s.raw(t, request("POST /api/v1/auth/dashboard-access/"+w.app, "\r\n"))
	if status != 200 {
		t.Errorf("without a length: %d %s", status, body)
	}
	if status, body = s.raw(t, request("POST /api/v1/app", "Content-Length: 3000000\r\n\r\n{")); status != 413 {
		t.Errorf("declared: %d %s", status, body)
	}
	chunk := fmt.Sprintf("%x\r\n%s\r\n", 1<<20, strings.Repeat(" ", 1<<20))
	if status, body = s.raw(t, request("POST /api/v1/app", "Transfer-Encoding: chunked\r\n\r\n"+chunk+chunk+chunk+"0\r\n\r\n")); status != 413 || !strings.Contains(body, "payload_too_large") {
		t.Errorf("chunked, and too large: %d %s", status, body)
	}
	for _, more := range []string{"Authorization: Bearer x\r\n\r\n"} {
		if status, body = s.raw(t, request("GET /api/v1/app", more)); status != 401 {
			t.Errorf("two tokens: %d %s", status, body)
		}
	}
	for _, header := range []string{"Basic " + s.org, s.org, "Bearer", "Bearer " + s.org + " x", ""} {
		if status, body = s.raw(t, "GET /api/v1/app HTTP/1.1\r\nHost: x\r\nAuthorization: "+header+"\r\n\r\n"); status != 401 {
			t.Errorf("Authorization %.10s…: %d %s", header, status, body)
		}
	}
}

// While the store does not take anything the answer says so, and nothing of why; the log
// says why.
func TestStoreTrouble(t *testing.T) {
	s := newServer(t, config{})
	app := s.app()
	s.store.SetFreeSpace(1 << 60)
	eventually(t, "messages are refused for want of room", func() bool {
		return s.request(s.org, "POST", "/app/"+app+"/msg", obj{"eventType": "a", "payload": obj{}}).status == 503
	})
	got := s.request(s.org, "POST", "/app/"+app+"/msg", obj{"eventType": "a", "payload": obj{}})
	if body := got.json(t); body["code"] != "unavailable" || got.header.Get("Retry-After") == "" || strings.Contains(string(got.body), "bytes") {
		t.Errorf("%s %v", got.body, got.header)
	}
	if !strings.Contains(s.log.String(), "free_space") {
		t.Error("the log does not say why")
	}
	if health := s.as("", 500, "GET", "/health", nil); health["database"].(obj)["status"] != "error" {
		t.Errorf("%v", health)
	}
	s.store.SetFreeSpace(0)
	s.do(202, "POST", "/app/"+app+"/msg", obj{"eventType": "a", "payload": obj{}})

	if err := s.store.Do(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec("ALTER TABLE api_revoked RENAME TO api_gone")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	failed := s.do(500, "GET", "/app", nil)
	if failed["code"] != "server_error" || strings.Contains(fmt.Sprint(failed), "api_revoked") {
		t.Errorf("%v", failed)
	}
	if strings.Contains(s.log.String(), s.org) {
		t.Error("the log holds a token")
	}
}

// A panic is answered, too, and told to the log.
func TestPanic(t *testing.T) {
	s := newServer(t, config{})
	log := &logBuffer{}
	broken := api.New(api.Options{Store: s.store, Keys: keyring(t, keyText), Logger: logger(log)}) // there is no sender
	w := httptest.NewRecorder()
	req := httptest.NewRequest(http.MethodGet, "/api/v1/app", nil)
	req.Header.Set("Authorization", "Bearer "+s.org)
	broken.ServeHTTP(w, req)
	if w.Code != 500 || w.Body.String() != `{"code":"server_error","detail":"Internal Server Error"}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "has panicked") || strings.Contains(log.String(), s.org) {
		t.Errorf("log %s", log.String())
	}
}
