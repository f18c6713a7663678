package gateway_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/verifier"
)

// talkative makes a source log at DEBUG.
func (b *bed) talkative(cfg *gateway.Config) {
	cfg.Logger = slog.New(slog.NewJSONHandler(b.logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// diagnosis is what is read of a line that explains.
type diagnosis struct {
	Level, Msg, Source, Scheme, Reason, Findings, Explanation string
}

// diagnoses returns the explanations in the log, and waits for the one in the making.
func (b *bed) diagnoses(t testing.TB) (all []diagnosis) {
	t.Helper()
	b.process.Diagnosed()
	for text := range strings.Lines(b.logged.String()) {
		var d diagnosis
		if err := json.Unmarshal([]byte(text), &d); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if d.Msg == "why a webhook was refused" {
			all = append(all, d)
		}
	}
	return all
}

// body returns the request with another body.
func withBody(r *http.Request, body string) *http.Request {
	other := httptest.NewRequest(r.Method, r.URL.String(), strings.NewReader(body))
	other.Header = r.Header
	return other
}

// TestDiagnosis: at DEBUG the log explains a refusal; otherwise it does not, and the
// answer is the same to the byte.
func TestDiagnosis(t *testing.T) {
	for name, test := range map[string]struct {
		request                   func(*bed) *http.Request
		reason, findings, explain string
	}{
		"a changed body": {func(b *bed) *http.Request {
			return withBody(b.svix(t, "msg_1"), `{"type":"a.b","n":"msg_1"}`+"\n")
		}, "invalid_signature", "newline_removed", "The signature matches without the trailing newline."},
		"a renamed header": {func(b *bed) *http.Request {
			r := b.svix(t, "msg_1")
			r.Header["Svix_signature"] = r.Header["Svix-Signature"]
			r.Header.Del("Svix-Signature")
			return r
		}, "missing_header", "header_name", "There is a header Svix_signature; its name has to be svix-signature."},
		"another scheme": {func(b *bed) *http.Request {
			return b.signed(t, "github", verifier.Message{Body: []byte("{}")})
		}, "missing_header", "other_headers", "There is no signature of scheme svix, but one of scheme github in X-Hub-Signature-256."},
		"a header twice": {func(b *bed) *http.Request {
			r := b.svix(t, "msg_1")
			r.Header.Add("Svix-Id", "msg_1")
			return r
		}, "malformed_header", "header_twice", "There are 2 svix-id, where one belongs: a proxy may have added one."},
		"too large": {func(b *bed) *http.Request {
			return withBody(b.svix(t, "msg_1"), strings.Repeat("a", 128<<10+1))
		}, "invalid_signature", "body_large", "The body is too large to be searched here: save the request and run webhook verify."},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			loud := b.source(t, new(gateway.State), b.talkative)
			request := test.request(b)
			body := new(bytes.Buffer)
			if _, err := body.ReadFrom(request.Body); err != nil {
				t.Fatal(err)
			}
			quiet := b.post(t, withBody(request, body.String()))
			if got := b.diagnoses(t); len(got) != 0 {
				t.Fatalf("explained although nobody asked: %+v", got)
			}
			answer := b.postTo(t, loud, withBody(request, body.String()))
			if answer.Code != quiet.Code || answer.Body.String() != quiet.Body.String() || !reflect.DeepEqual(answer.Header(), quiet.Header()) {
				t.Errorf("the answer is %d %v %s, and without an explanation %d %v %s", answer.Code, answer.Header(), answer.Body, quiet.Code, quiet.Header(), quiet.Body)
			}
			want := diagnosis{"DEBUG", "why a webhook was refused", "travtus", "svix", test.reason, test.findings, test.explain}
			if got := b.diagnoses(t); len(got) != 1 || got[0] != want {
				t.Errorf("explained %+v\nwant %+v", got, want)
			}
		})
	}
}

// TestDiagnosisFollowsSecrets: it is made with the secrets in force.
func TestDiagnosisFollowsSecrets(t *testing.T) {
	b := newBed(t)
	s := b.source(t, new(gateway.State), b.talkative)
	r := b.svix(t, "msg_1")
	if err := s.Rekey(0, []string{"whsec_" + strings.Repeat("B", 32)}); err != nil {
		t.Fatal(err)
	}
	b.postTo(t, s, withBody(r, `{"type":"a.b","n":"msg_1"}`+"\n"))
	if got := b.diagnoses(t); len(got) != 1 || got[0].Findings != "unexplained" {
		t.Errorf("%+v; the secret that explains it is no more in force", got)
	}
}

// TestDiagnosesAreFew: what says itself is not explained again, and a flood has no
// more explanations than lines.
func TestDiagnosesAreFew(t *testing.T) {
	b := newBed(t)
	s := b.source(t, new(gateway.State), b.talkative)
	get := b.svix(t, "msg_1")
	get.Method = http.MethodGet
	b.postTo(t, s, get)
	b.postTo(t, s, b.signed(t, "svix", verifier.Message{ID: "msg_1", Timestamp: noon.Add(-time.Hour), Body: []byte("{}")}))
	if got := b.diagnoses(t); len(got) != 0 {
		t.Errorf("explained: %+v", got)
	}
	forged := b.svix(t, "msg_1").Header
	for range 1000 {
		b.postTo(t, s, bare(forged, nil))
		b.process.Diagnosed()
	}
	if got := b.diagnoses(t); len(got) != 10 {
		t.Errorf("%d explanations of a flood", len(got))
	}
}

// TestDiagnosisOneAtATime: while one is searched for, others are left out.
func TestDiagnosisOneAtATime(t *testing.T) {
	b := newBed(t)
	s := b.source(t, new(gateway.State), b.talkative)
	release := b.process.Diagnosing()
	b.postTo(t, s, bare(b.svix(t, "msg_1").Header, nil))
	if got := b.diagnoses(t); len(got) != 0 {
		t.Errorf("explained beside another: %+v", got)
	}
	release()
	b.postTo(t, s, bare(b.svix(t, "msg_1").Header, nil))
	if got := b.diagnoses(t); len(got) != 1 {
		t.Errorf("%d explanations", len(got))
	}
}
