package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/hookgate/hookgate/verifier"
)

// unusableSecret is the reason for no verdict: the gateway would not start.
const unusableSecret = "unusable_secret"

// report is what verify prints.
type report struct {
	Accepted bool   `json:"accepted"`
	Scheme   string `json:"scheme"`
	// Reason is the type of the gateway's refusal, or unusable_secret.
	Reason    string     `json:"reason,omitempty"`
	Message   string     `json:"message,omitempty"`
	ID        string     `json:"id,omitempty"`
	Type      string     `json:"type,omitempty"`
	Timestamp *time.Time `json:"timestamp,omitempty"`
	// Skew is the distance of the timestamp from the clock in seconds, positive
	// in the future.
	Skew *float64 `json:"skew,omitempty"`
	// Matched says which secret matched and where it came from.
	Matched string `json:"matched,omitempty"`
	// Clock says as of when it was judged, if not as of now or --at.
	Clock string `json:"clock,omitempty"`
	// Then says of a refused webhook that it would be accepted at the time it names.
	Then bool `json:"accepted_then,omitempty"`
	// Findings are the causes, the likeliest first; Notes what is odd about the capture.
	Findings []verifier.Finding `json:"findings,omitempty"`
	Notes    []string           `json:"notes,omitempty"`
	// Signed says over which bytes the signature of a refused webhook was checked.
	Signed *verifier.Signed `json:"signed,omitempty"`
}

// newReport sums up an explanation; unusable is the error that came with it.
func newReport(scheme string, x verifier.Explanation, unusable error, now time.Time) *report {
	r := &report{
		Accepted: x.Err == nil && unusable == nil, Scheme: scheme,
		ID: x.Event.ID, Type: x.Event.Type, Findings: x.Findings,
	}
	if at := x.Verified.Timestamp; !at.IsZero() {
		at, skew := at.UTC(), at.Sub(now).Seconds()
		r.Timestamp, r.Skew = &at, &skew
	}
	if !r.Accepted && x.Signed.Template != "" {
		r.Signed = &x.Signed
	}
	var refusal *verifier.Refusal
	switch {
	case unusable != nil:
		r.Reason, r.Message = unusableSecret, unusable.Error()
	case errors.As(x.Err, &refusal):
		r.Reason, r.Message = strings.ReplaceAll(refusal.Reason.Error(), " ", "_"), refusal.Error()
	}
	return r
}

func (r *report) write(w io.Writer, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		return encoder.Encode(r)
	}
	var b strings.Builder
	switch {
	case r.Accepted:
		b.WriteString("accepted\n")
	case r.Reason == unusableSecret:
		b.WriteString("no verdict\n") // the message is told as an error
	default:
		fmt.Fprintf(&b, "refused: %s\n", r.Message)
	}
	fields := [][2]string{{"scheme", r.Scheme}, {"id", r.ID}, {"type", r.Type}, {"timestamp", r.time()}, {"secret", r.Matched}, {"clock", r.Clock}, {"then", r.then()}}
	for _, field := range fields {
		if field[1] != "" {
			fmt.Fprintf(&b, "  %-9s  %s\n", field[0], safe(field[1]))
		}
	}
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "  - %s\n", safe(f.Text))
	}
	for _, note := range r.Notes {
		fmt.Fprintf(&b, "  - %s\n", note)
	}
	r.writeSigned(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

// writeSigned says which bytes were signed as this program understands it.
func (r *report) writeSigned(b *strings.Builder) {
	s := r.Signed
	if s == nil {
		return
	}
	fmt.Fprintf(b, "  signed     %s\n", safe(s.Template))
	for _, v := range s.Values {
		value := safe(v.Value)
		if value == "" {
			value = "(missing)"
		}
		fmt.Fprintf(b, "    %-9s  %s, from %s\n", v.Variable, value, v.From)
	}
	fmt.Fprintf(b, "    %-9s  %d bytes, SHA-256 %s\n", "body", s.BodySize, s.BodySHA256)
	fmt.Fprintf(b, "  signature  in %s\n", strings.Join(s.Signatures, " and "))
}

// then says that only the time is wrong.
func (r *report) then() string {
	if !r.Then {
		return ""
	}
	return "accepted, had it come at the time it names"
}

// time is the timestamp and its distance from the clock.
func (r *report) time() string {
	if r.Timestamp == nil {
		return ""
	}
	return fmt.Sprintf("%s (%+.0f s from the clock)", r.Timestamp.Format(time.RFC3339Nano), *r.Skew)
}
