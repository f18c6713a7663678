package portal

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/verifier"
)

// verdict is whether the signature of a request verifies, as it was when it came.
type verdict struct {
	// Verdict is one of the words below, and Reason the same in sentences.
	Verdict, Reason string
	// Endpoint is the one whose secret was tried; empty if there is none.
	Endpoint string
}

const (
	verdictValid     = "valid"
	verdictInvalid   = "invalid"
	verdictUnsigned  = "unsigned" // a header is missing
	verdictUnchecked = "unchecked"
)

// maxExplained is how large a body may be that is looked into for why its signature fails,
// which takes far longer than to find that it does.
const maxExplained = 64 << 10

// judge checks the signature of a request as its receiver would: with the secrets of the
// endpoints that have the inbox's URL, of which there is one as a rule.
func (p *play) judge(r *http.Request, box *inbox, body []byte) (verdict, error) {
	endpoints, err := p.sender.EndpointsAt(r.Context(), box.App, box.URL)
	if err != nil {
		return verdict{}, err
	}
	if len(endpoints) > 0 && len(body) > maxArrival {
		return verdict{verdictUnchecked, fmt.Sprintf("The body is longer than the %d bytes that are read, so its signature cannot be checked.", maxArrival), endpoints[0].ID}, nil
	}
	request := &verifier.Request{Method: r.Method, Header: r.Header, RawQuery: r.URL.RawQuery}
	var refused *failure
	for i := range endpoints {
		f, err := p.verify(r, box, &endpoints[i], request, body)
		switch {
		case errors.Is(err, sender.ErrNotFound): // it was just deleted
			continue
		case err != nil:
			return verdict{}, err
		case f.err == nil:
			return verdict{verdictValid, "The signature verifies with the secret of the endpoint: the body is what was signed, and the time is right.", endpoints[i].ID}, nil
		}
		// Of several, the one that has signed at all is the likeliest.
		if refused == nil || errors.Is(refused.err, verifier.ErrMissingHeader) {
			refused = f
		}
	}
	if refused == nil {
		return verdict{Verdict: verdictUnchecked, Reason: "No endpoint of this application sends here, so there is no secret to check the signature against."}, nil
	}
	is := verdictInvalid
	if errors.Is(refused.err, verifier.ErrMissingHeader) {
		is = verdictUnsigned
	}
	return verdict{is, p.explain(refused, request, body), refused.endpoint}, nil
}

// failure is why the secret of an endpoint does not verify a request; err is nil if it does.
type failure struct {
	endpoint, secret string
	scheme           verifier.Scheme
	err              error
}

// verify tries the secret of an endpoint.
func (p *play) verify(r *http.Request, box *inbox, ep *sender.Endpoint, request *verifier.Request, body []byte) (*failure, error) {
	secret, err := p.sender.EndpointSecret(r.Context(), box.App, ep.ID)
	if err != nil {
		return nil, err
	}
	scheme, ok := verifier.Preset(ep.Scheme)
	if !ok {
		return nil, fmt.Errorf("endpoint %s: there is no scheme %q", ep.ID, ep.Scheme)
	}
	v, err := verifier.New(scheme, []string{secret}, verifier.Options{})
	if err != nil {
		return nil, fmt.Errorf("endpoint %s: %w", ep.ID, err)
	}
	_, err = v.Verify(request, body, p.now())
	return &failure{ep.ID, secret, scheme, err}, nil
}

// explain says why a signature does not verify. It is looked into what usually goes wrong,
// unless that would take long, or there were many lately.
func (p *play) explain(f *failure, request *verifier.Request, body []byte) string {
	why := reasonOf(f.err, f.scheme.Name)
	if len(body) > maxExplained || !p.gates.explained.AllowN(p.now(), 1) {
		return why
	}
	x, err := verifier.Explain(f.scheme, []string{f.secret}, verifier.Options{}, request, body, p.now())
	if err != nil {
		return why
	}
	all := []string{why}
	for _, finding := range x.Findings[:min(len(x.Findings), 3)] {
		if finding.Code != "unexplained" { // which is said already
			all = append(all, finding.Text)
		}
	}
	return strings.Join(all, " ")
}

// reasonOf says why a request is refused, for people.
func reasonOf(err error, scheme string) string {
	var refusal *verifier.Refusal
	if !errors.As(err, &refusal) {
		return "The signature does not verify."
	}
	where := refusal.Where
	if where == "" {
		where = "the signature's header"
	}
	switch {
	case errors.Is(err, verifier.ErrMissingHeader):
		return fmt.Sprintf("The header %s is missing, which scheme %s needs: the request is not signed, or by another scheme.", where, scheme)
	case errors.Is(err, verifier.ErrMalformedHeader):
		return fmt.Sprintf("The header %s is malformed: %s.", where, refusal.Detail)
	case errors.Is(err, verifier.ErrStaleTimestamp):
		return fmt.Sprintf("The signature is right, but too old: its time is %s ago.", -refusal.Skew)
	case errors.Is(err, verifier.ErrFutureTimestamp):
		return fmt.Sprintf("The signature is right, but its time is %s ahead of ours: a clock is wrong.", refusal.Skew)
	}
	return "The signature does not match the body under the endpoint's secret: the secret is another one, or the body has changed on its way."
}
