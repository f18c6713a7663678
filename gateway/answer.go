package gateway

import (
	"net/http"

	"github.com/hookgate/hookgate/dedupe"
)

// answerWriter watches for the status line. A 2xx commits the claim before it is
// on its way, so that after a crash in between the event is at most called twice
// and never lost.
type answerWriter struct {
	http.ResponseWriter
	claim  *dedupe.Claim
	status int // the final status, 0 before it
}

// Unwrap is for [http.ResponseController].
func (a *answerWriter) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader commits the claim on a 2xx. Informational statuses pass through, but
// for the one that ends HTTP on the connection.
func (a *answerWriter) WriteHeader(status int) {
	if a.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		a.status = status
		if 200 <= status && status < 300 && a.claim != nil {
			a.claim.Commit()
		}
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implies a 200, as everywhere in net/http.
func (a *answerWriter) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	return a.ResponseWriter.Write(p)
}

// Flush implies a 200, too.
func (a *answerWriter) Flush() { _ = a.FlushError() }

// FlushError is what [http.ResponseController] calls.
func (a *answerWriter) FlushError() error {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	return http.NewResponseController(a.ResponseWriter).Flush()
}
