package api_test

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// newProxy passes requests on to the API, and loses the answers for which lose is true:
// the caller gets 502 instead.
func newProxy(t testing.TB, s *server, lose func(*http.Request) bool) string {
	t.Helper()
	var mu sync.Mutex
	p := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		s.api.ServeHTTP(answer, r)
		mu.Lock()
		lost := lose(r)
		mu.Unlock()
		if lost {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	}))
	t.Cleanup(p.Close)
	return p.URL
}
