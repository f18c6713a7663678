package gateway

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/hookgate/hookgate/verifier"
)

// maxDiagnosed is the size in bytes of the largest body that is searched for what was
// done to it: it is kept beyond its request, one in the process.
const maxDiagnosed = 128 << 10

// diagnose logs at DEBUG why a request was refused, as far as can be found out. It is
// for a refusal that has a line of its own, so that a flood has few, and where the
// logger wants such lines. The search runs after the answer and beside it, one at a
// time in the process and others left out: the sender can tell nothing from it.
//
// v is nil if no signature is there; body is what was read of it.
func (s *Source) diagnose(v *verifier.Verifier, r *http.Request, body []byte, o *Outcome) {
	if !s.Logger.Enabled(context.Background(), slog.LevelDebug) {
		return
	}
	search := false
	switch o.Result {
	case missingHeader.Type, malformedHeader.Type: // before there is a body
	case invalidSignature.Type:
		search = true
	default:
		return // the cause says it all
	}
	if v == nil {
		v = (*s.verifiers.Load())[0]
	}
	if search && len(body) > maxDiagnosed {
		s.diagnosed(v, o.Result, []verifier.Finding{{Code: "body_large", Text: "The body is too large to be searched here: save the request and run webhook verify."}})
		return
	}
	if !s.process.diagnosing.CompareAndSwap(false, true) {
		return
	}
	header, now, result := r.Header.Clone(), s.process.Now(), o.Result
	header.Set("Host", r.Host)
	request := &verifier.Request{Method: r.Method, Header: header, RawQuery: r.URL.RawQuery}
	s.process.diagnoses.Go(func() {
		defer s.process.diagnosing.Store(false)
		defer func() {
			if p := recover(); p != nil { // of a stranger's bytes; here it would end the process
				s.Logger.Error("a diagnosis panicked", slog.String("source", s.Name), slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
			}
		}()
		if search {
			s.diagnosed(v, result, v.Explain(request, body, now).Findings)
		} else {
			s.diagnosed(v, result, v.ExplainHead(request, now))
		}
	})
}

func (s *Source) diagnosed(v *verifier.Verifier, reason string, findings []verifier.Finding) {
	codes, texts := make([]string, len(findings)), make([]string, len(findings))
	for i, f := range findings {
		codes[i], texts[i] = f.Code, f.Text
	}
	s.Logger.LogAttrs(context.Background(), slog.LevelDebug, "why a webhook was refused",
		slog.String("source", s.Name), slog.String("scheme", v.Name()), slog.String("reason", reason),
		slog.String("findings", strings.Join(codes, " ")), slog.String("explanation", strings.Join(texts, " ")))
}
