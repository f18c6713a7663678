package api

import (
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"runtime/debug"
	"slices"
	"strings"
)

// Prefix is where the API is.
const Prefix = "/api/v1"

// newMux serves the table of routes. What is no route is answered in JSON, too.
func (a *API) newMux() *http.ServeMux {
	mux := http.NewServeMux()
	methods := make(map[string][]string)
	for i := range routes {
		rt := &routes[i]
		methods[rt.path] = append(methods[rt.path], rt.method)
		mux.HandleFunc(rt.method+" "+Prefix+rt.path, func(w http.ResponseWriter, r *http.Request) {
			answer, err := a.run(rt, w, r)
			if err != nil {
				a.refuse(w, r, err)
				return
			}
			a.answer(w, r, answer)
		})
	}
	for path, allowed := range methods {
		if slices.Contains(allowed, http.MethodGet) {
			allowed = append(allowed, http.MethodHead)
		}
		slices.Sort(allowed)
		mux.HandleFunc(Prefix+path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			a.refuse(w, r, &Error{
				Status: http.StatusMethodNotAllowed, Code: "method_not_allowed",
				Detail: fmt.Sprintf("This is possible here: %s.", strings.Join(allowed, ", ")),
			})
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { a.refuse(w, r, errNoRoute) })
	return mux
}

// ServeHTTP answers a request. Whatever goes wrong is answered in JSON: SDKs parse the
// body of every error.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Access-Control-Allow-Origin", "*") // tokens are no cookies: no browser sends one by itself
	if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
		preflight(header, r)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	defer func() {
		if caught := recover(); caught != nil {
			if caught == http.ErrAbortHandler { //nolint:errorlint // it is thrown as it is
				panic(caught)
			}
			a.logger.Error("a call of the API has panicked", slog.String("method", r.Method), slog.Any("panic", caught), slog.String("stack", string(debug.Stack())))
			a.refuse(w, r, errServer) // if the answer has begun, this does nothing
		}
	}()
	r, ok := tidied(r)
	if !ok {
		a.refuse(w, r, errNoRoute)
		return
	}
	a.mux.ServeHTTP(w, r)
}

// preflight allows a browser what its page asks for. What the page may do its token
// decides.
func preflight(header http.Header, r *http.Request) {
	header.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE")
	if asked := r.Header.Values("Access-Control-Request-Headers"); len(asked) > 0 {
		header.Set("Access-Control-Allow-Headers", strings.Join(asked, ", "))
	}
	header.Set("Access-Control-Max-Age", "600")
	header.Add("Vary", "Access-Control-Request-Method, Access-Control-Request-Headers")
}

// tidied is a request whose path has one slash in front and none at the end, as SDKs and
// people write both; false, if the path is one that would have to be cleaned.
func tidied(r *http.Request) (*http.Request, bool) {
	escaped := r.URL.EscapedPath()
	tidy := "/" + strings.TrimLeft(escaped, "/")
	if tidy != "/" {
		tidy = strings.TrimSuffix(tidy, "/")
	}
	if path.Clean(tidy) != tidy {
		return r, false
	}
	if tidy == escaped {
		return r, true
	}
	plain := "/" + strings.TrimLeft(r.URL.Path, "/")
	if plain != "/" {
		plain = strings.TrimSuffix(plain, "/")
	}
	clone := *r
	url := *r.URL
	url.Path, url.RawPath = plain, tidy
	clone.URL = &url
	return &clone, true
}
