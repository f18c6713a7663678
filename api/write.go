package api

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
)

// replay is a body that is JSON already.
type replay []byte

// encode writes the body of an answer; nil for none.
func encode(a answer, r *http.Request) ([]byte, error) {
	switch body := a.body.(type) {
	case nil:
		return nil, nil
	case replay:
		return body, nil
	}
	if old := older(r.UserAgent()); old {
		return json.Marshal(trimmed(a.body))
	}
	return json.Marshal(a.body)
}

// answer answers a call.
func (a *API) answer(w http.ResponseWriter, r *http.Request, got answer) {
	body, err := encode(got, r)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	write(w, got.status, body)
}

// refuse answers a call that failed. What is ours to mend is logged, and not told.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status, refusal, ours := refusalOf(err)
	if ours {
		a.logger.LogAttrs(r.Context(), slog.LevelError, "a call of the API has failed", slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Any("error", err))
	}
	header := w.Header()
	if status == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", "Bearer")
	}
	var own *Error
	if errors.As(refusal, &own) && own.RetryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(int(own.RetryAfter.Seconds())))
	}
	body, err := json.Marshal(refusal)
	if err != nil {
		body = []byte("{}")
	}
	write(w, status, body)
}

func write(w http.ResponseWriter, status int, body []byte) {
	header := w.Header()
	if body == nil {
		w.WriteHeader(status)
		return
	}
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the caller may be gone; there is nobody else to tell
}
