package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// maxOperatorBody is how large the body of an operator's request may be, in bytes.
const maxOperatorBody = 64 << 10

// OperatorAPI is an operator as an HTTP API: JSON in, JSON out, times in RFC 3339
// and UTC. An error is {"error":{"type":…,"message":…}} with a status from 400.
// Whoever can reach it can do all an operator can: it checks nobody's identity.
type OperatorAPI struct {
	operator func() (*Operator, bool)
	mux      *http.ServeMux
}

// NewOperatorAPI returns the API of the operator that a function finds for each
// request; false stands for a process without webhooks.
func NewOperatorAPI(operator func() (*Operator, bool)) *OperatorAPI {
	a := &OperatorAPI{operator: operator, mux: http.NewServeMux()}
	methods := make(map[string][]string)
	for _, r := range operatorRoutes {
		methods[r.path] = append(methods[r.path], r.method)
		a.mux.HandleFunc(r.method+" "+r.path, a.serve(r.call))
	}
	for path, allowed := range methods {
		slices.Sort(allowed)
		a.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			writeOperatorError(w, &OperatorError{
				http.StatusMethodNotAllowed, "method_not_allowed",
				fmt.Sprintf("%.20q is not possible here; %s is.", r.Method, strings.Join(allowed, " or ")),
			})
		})
	}
	a.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeOperatorError(w, notFound("There is nothing at this path."))
	})
	return a
}

// ServeHTTP answers a request.
func (a *OperatorAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// call is what a route does: it returns what is written as JSON.
type call func(o *Operator, r *http.Request) (any, error)

var operatorRoutes = []struct {
	method, path string
	call         call
}{
	{"GET", "/webhooks/sources", func(o *Operator, r *http.Request) (any, error) {
		return SourceList{o.SourceInfos()}, parameters(r)
	}},
	{"POST", "/webhooks/sources/{source}/pause", func(o *Operator, r *http.Request) (any, error) {
		return bare(r, func() error { return o.Pause(r.Context(), r.PathValue("source")) })
	}},
	{"POST", "/webhooks/sources/{source}/resume", func(o *Operator, r *http.Request) (any, error) {
		return bare(r, func() error { return o.Resume(r.Context(), r.PathValue("source")) })
	}},
	{"GET", "/webhooks/events", (*Operator).serveEvents},
	{"GET", "/webhooks/events/{seq}", (*Operator).serveEvent},
	{"POST", "/webhooks/events/{seq}/retry", (*Operator).serveRetry},
	{"POST", "/webhooks/events/{seq}/forget", bySeq(func(o *Operator, r *http.Request, seq int64) error { return o.Forget(r.Context(), seq) })},
	{"POST", "/webhooks/events/{seq}/erase", bySeq(func(o *Operator, r *http.Request, seq int64) error { return o.Erase(r.Context(), seq) })},
	{"GET", "/webhooks/jobs", func(o *Operator, r *http.Request) (any, error) {
		if err := parameters(r); err != nil {
			return nil, err
		}
		return o.Jobs(r.Context())
	}},
	{"POST", "/webhooks/jobs", func(o *Operator, r *http.Request) (any, error) {
		var request JobRequest
		if err := readOperatorBody(r, &request); err != nil {
			return nil, err
		}
		return o.StartJob(r.Context(), request)
	}},
	{"GET", "/webhooks/jobs/{id}", func(o *Operator, r *http.Request) (any, error) {
		if err := parameters(r); err != nil {
			return nil, err
		}
		return o.Job(r.Context(), r.PathValue("id"))
	}},
	{"POST", "/webhooks/jobs/{id}/cancel", func(o *Operator, r *http.Request) (any, error) {
		if err := readOperatorBody(r, &struct{}{}); err != nil {
			return nil, err
		}
		return o.CancelJob(r.Context(), r.PathValue("id"))
	}},
	{"POST", "/webhooks/backup", func(o *Operator, r *http.Request) (any, error) {
		var request BackupRequest
		if err := readOperatorBody(r, &request); err != nil {
			return nil, err
		}
		return request, o.Backup(r.Context(), request.Path)
	}},
	{"GET", "/webhooks/stats", func(o *Operator, r *http.Request) (any, error) {
		if err := parameters(r); err != nil {
			return nil, err
		}
		return o.Stats()
	}},
}

// SourceList is the answer to GET /webhooks/sources.
type SourceList struct {
	Sources []SourceInfo `json:"sources"`
}

// BackupRequest asks for a copy of the store; the answer is the same.
type BackupRequest struct {
	// Path is absolute, and names no file yet.
	Path string `json:"path"`
}

// serve makes a handler of a call.
func (a *OperatorAPI) serve(do call) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		o, ok := a.operator()
		if !ok {
			writeOperatorError(w, &OperatorError{http.StatusServiceUnavailable, "not_running", "No webhook source is running in this process."})
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxOperatorBody)
		answer, err := do(o, r)
		if err != nil {
			writeOperatorError(w, err)
			return
		}
		writeOperatorJSON(w, http.StatusOK, answer)
	}
}

func writeOperatorError(w http.ResponseWriter, err error) {
	e := operatorError(err)
	writeOperatorJSON(w, e.Status, map[string]*OperatorError{"error": e})
}

func writeOperatorJSON(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(answer) // the caller may be gone; there is nobody else to tell
}

// bare runs a call that takes no body and answers nothing.
func bare(r *http.Request, do func() error) (any, error) {
	if err := readOperatorBody(r, &struct{}{}); err != nil {
		return nil, err
	}
	return struct{}{}, do()
}

// bySeq makes a call of one that is about an event.
func bySeq(do func(*Operator, *http.Request, int64) error) call {
	return func(o *Operator, r *http.Request) (any, error) {
		seq, err := parseSeq(r.PathValue("seq"))
		if err != nil {
			return nil, err
		}
		return bare(r, func() error { return do(o, r, seq) })
	}
}

func (o *Operator) serveEvents(r *http.Request) (any, error) {
	if err := parameters(r, "source", "state", "type", "from", "to", "before", "limit", "id"); err != nil {
		return nil, err
	}
	query := r.URL.Query()
	if id := query.Get("id"); query.Has("id") {
		source := query.Get("source")
		if source == "" || id == "" || len(query) > 2 {
			return nil, invalid("id goes with source, and with nothing else.")
		}
		return o.Find(r.Context(), source, id)
	}
	f, err := parseFilter(query)
	if err != nil {
		return nil, err
	}
	return o.Events(r.Context(), f)
}

func (o *Operator) serveEvent(r *http.Request) (any, error) {
	if err := parameters(r, "payload", "destination"); err != nil {
		return nil, err
	}
	seq, err := parseSeq(r.PathValue("seq"))
	if err != nil {
		return nil, err
	}
	payload := false
	if text := r.URL.Query().Get("payload"); text != "" {
		if payload, err = strconv.ParseBool(text); err != nil {
			return nil, invalid("payload is true or false.")
		}
	}
	return o.Event(r.Context(), seq, r.URL.Query().Get("destination"), payload)
}

// RetryRequest asks for another attempt at an event.
type RetryRequest struct {
	// Destination is one of several that it goes to. Default: the first.
	Destination string `json:"destination,omitempty"`
}

func (o *Operator) serveRetry(r *http.Request) (any, error) {
	seq, err := parseSeq(r.PathValue("seq"))
	if err != nil {
		return nil, err
	}
	var request RetryRequest
	if err := readOperatorBody(r, &request); err != nil {
		return nil, err
	}
	return struct{}{}, o.Retry(r.Context(), seq, request.Destination)
}
