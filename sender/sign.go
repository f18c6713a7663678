package sender

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/verifier"
)

// newSigner makes a signer of a scheme with those secrets that sign at a time, the current
// one first, and says until when it may be used; zero: for ever. Old secrets which the
// scheme cannot sign with, as those of another scheme, are left out.
func newSigner(scheme string, secrets []signingSecret, at time.Time) (signer *verifier.Signer, until time.Time, err error) {
	preset, ok := verifier.Preset(scheme)
	if !ok || !isScheme(scheme) {
		return nil, time.Time{}, fmt.Errorf("there is no scheme %q", scheme)
	}
	var texts []string
	for _, secret := range secrets {
		if secret.expires.IsZero() {
			texts = slices.Insert(texts, 0, secret.text)
			continue
		}
		if !secret.expires.After(at) || checkSecret("", scheme, secret.text) != nil || slices.Contains(texts, secret.text) {
			continue
		}
		texts = append(texts, secret.text)
		if until.IsZero() || secret.expires.Before(until) {
			until = secret.expires
		}
	}
	signer, err = verifier.NewSigner(preset, texts, verifier.Options{})
	return signer, until, err
}

// signerAt returns the signer of a time.
func (t *target) signerAt(at time.Time) (*verifier.Signer, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.signer != nil && (t.until.IsZero() || at.Before(t.until)) {
		return t.signer, nil
	}
	signer, until, err := newSigner(t.Scheme, t.secrets, at)
	if err != nil {
		return nil, fmt.Errorf("endpoint %s: %w", t.ID, err)
	}
	t.signer, t.until = signer, until
	return signer, nil
}

// signed returns the body and the headers of an attempt: the id is always the same, the
// time is that of the attempt, but for travelbase, whose is when the message was sent.
func (t *target) signed(d *store.Delivery, h *head, at time.Time) (body []byte, header http.Header, err error) {
	signer, err := t.signerAt(at)
	if err != nil {
		return nil, nil, err
	}
	m := verifier.Message{ID: messageID(d.Source, d.Seq), Type: d.Type, Timestamp: at, URL: t.URL, Body: d.Body}
	contentType := h.ContentType
	if t.Scheme == SchemeTravelbase {
		m.Timestamp, contentType = d.Received, ""
		m.Body = envelope(m.ID, d.Type, d.Received, d.Body)
	}
	if header, err = signer.Sign(m); err != nil {
		return nil, nil, fmt.Errorf("signing: %w", err)
	}
	header.Set("Content-Type", cmp.Or(contentType, jsonType))
	return m.Body, header, nil
}

const jsonType = "application/json"

// envelope puts a payload into what travelbase sends: the same bytes at each attempt. A
// payload that is no JSON becomes a text.
func envelope(id, eventType string, created time.Time, payload []byte) []byte {
	if !json.Valid(payload) {
		payload, _ = json.Marshal(strings.ToValidUTF8(string(payload), "\uFFFD"))
	}
	// Neither an id, nor a type, nor a time has anything to be escaped.
	b := make([]byte, 0, len(payload)+160)
	b = append(b, `{"id":"`+id+`","type":"`+eventType+`","created_at":"`...)
	b = created.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z07:00")
	b = append(append(append(b, `","data":`...), payload...), '}')
	return b
}
