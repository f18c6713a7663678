package verifier_test

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/verifier"
)

// TestPitfall20RefusalsSayNoSecrets: no text of a refusal holds a secret, its key,
// the expected signature or a byte of the body. (pitfall 20) (S-18)
func TestPitfall20RefusalsSayNoSecrets(t *testing.T) {
	const canary = "CANARYofTheBodyCANARY"
	body := []byte(`{"id":"` + canary + ` ","type":"` + canary + `","event_id":"` + canary + ` "}`)
	seen := map[error]int{}
	for _, f := range fixtures(t) {
		m := f.message
		m.Body = body
		h := f.sign(t, m)
		right := &fixture{name: f.name, scheme: f.scheme, secret: f.secret, header: h}
		_, signature := right.split(t)
		before, _ := right.split(t)
		secrets := []string{canary, f.secret, strings.TrimPrefix(f.secret, "whsec_"), strings.TrimPrefix(f.secret, "whpk_"), signature}
		for _, text := range []string{signature, strings.TrimPrefix(f.secret, "whsec_")} {
			if raw, err := base64.StdEncoding.DecodeString(text); err == nil {
				secrets = append(secrets, string(raw), hex.EncodeToString(raw))
			}
			if raw, err := hex.DecodeString(text); err == nil {
				secrets = append(secrets, string(raw), base64.StdEncoding.EncodeToString(raw))
			}
		}
		check := func(err error) {
			if err == nil {
				return
			}
			seen[reason(t, err)]++
			for _, secret := range secrets {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%s: %q holds %q", f.name, err, secret)
				}
			}
		}
		for _, now := range []time.Time{noon, noon.Add(1000 * time.Hour), noon.Add(-1000 * time.Hour)} {
			// Whatever is sent, the right signature is never said, not even of a
			// forgery that guessed it.
			for _, value := range []string{
				before + signature, before + signature + "x", before + signature[1:], "x=" + signature, "sha256=" + before + signature, before + otherText(signature),
				strings.ToUpper(before) + signature, signature + "=" + signature, f.secret, before + f.secret, "", before, signature + signature,
			} {
				for name := range h {
					tampered := with(with(h, name, canary), f.signatureHeader(), value)
					for _, headers := range []http.Header{tampered, with(h, f.signatureHeader(), value), with(tampered, name)} {
						verified, err := f.Verify(post(headers), body, now)
						check(err)
						if err == nil {
							_, err = verified.Event()
							check(err)
						}
					}
				}
			}
		}
	}
	for _, want := range []error{
		verifier.ErrMissingHeader, verifier.ErrMalformedHeader, verifier.ErrInvalidSignature, verifier.ErrStaleTimestamp, verifier.ErrFutureTimestamp,
		verifier.ErrMalformedBody,
	} {
		if seen[want] == 0 {
			t.Errorf("no text of %v was looked at", want)
		}
	}
}

// TestPitfall37NothingBeforeTheSignature: the body is not read for an id before
// its signature holds, so a forgery is never refused for its body. (pitfall 37)
func TestPitfall37NothingBeforeTheSignature(t *testing.T) {
	for _, f := range fixtures(t) {
		for _, body := range []string{`{"id":"a","id":"b"}`, `{"id":1}`, `{"id":`, `{"event_id":null}`} {
			verified, err := f.Verify(post(f.header), []byte(body), noon)
			if !errors.Is(err, verifier.ErrInvalidSignature) || verified.Secret != 0 || !verified.Timestamp.IsZero() {
				t.Errorf("%s: %s: %+v, error %v", f.name, body, verified, err)
			}
		}
	}
}

// TestRefusals: a refusal wraps one reason, and says where and what.
func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		refusal verifier.Refusal
		want    string
	}{
		{verifier.Refusal{Reason: verifier.ErrInvalidSignature}, "invalid signature"},
		{verifier.Refusal{Reason: verifier.ErrMissingHeader, Where: "svix-id"}, "missing header svix-id"},
		{verifier.Refusal{Reason: verifier.ErrMalformedHeader, Where: "svix-id", Detail: "is long"}, "malformed header svix-id: is long"},
		{verifier.Refusal{Reason: verifier.ErrInvalidSignature, Detail: "none"}, "invalid signature: none"},
		{verifier.Refusal{Reason: verifier.ErrStaleTimestamp, Where: "t", Skew: -301 * time.Second}, "stale timestamp t (-301 s)"},
		{verifier.Refusal{Reason: verifier.ErrFutureTimestamp, Where: "t", Skew: 301 * time.Second}, "future timestamp t (+301 s)"},
	} {
		if got := test.refusal.Error(); got != test.want {
			t.Errorf("%q; want %q", got, test.want)
		}
		if !errors.Is(&test.refusal, test.refusal.Reason) {
			t.Errorf("%q is not for its reason", test.want)
		}
	}
}

// TestWhereIsInTheSpellingOfTheScheme, as its documentation promises, whatever is
// wrong with the header.
func TestWhereIsInTheSpellingOfTheScheme(t *testing.T) {
	svix := fixtures(t)[0]
	for _, name := range []string{"svix-id", "svix-timestamp", "svix-signature"} {
		for what, h := range map[string]http.Header{
			"missing": with(svix.header, name), "empty": with(svix.header, name, ""), "twice": with(svix.header, name, "a", "a"),
			"of a wrong grammar": with(svix.header, name, strings.Repeat(".", 300)),
		} {
			_, err := svix.Verify(post(h), svix.message.Body, noon)
			var refusal *verifier.Refusal
			if !errors.As(err, &refusal) || refusal.Where != name {
				t.Errorf("%s %s: where is %q; want %s", name, what, refusal.Where, name)
			}
		}
	}
}
