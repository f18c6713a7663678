package sender_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	svix "github.com/svix/svix-webhooks/go"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/verifier"
)

// inBubble runs a test over SQLite in fake time.
func inBubble(t *testing.T, test func(b *bed)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))) // timestamps have ten digits by then
		b := newBed(t)
		database := b.database
		b.database = func() store.Database { return roomy{database()} }
		b.open()
		defer func() { b.stop() }()
		test(b)
	})
}

// roomy is a database that does not look at its disk each second: days would take minutes.
type roomy struct{ store.Database }

func (roomy) Space(context.Context) (store.Space, error) { return store.Space{Free: -1}, nil }

// sleep lets time pass until everything has settled.
func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func header(p *request) http.Header {
	h := http.Header{}
	for name, values := range p.Header {
		for _, v := range values {
			h.Add(name, v)
		}
	}
	return h
}

func (b *bed) secret(app, ep string) string {
	b.Helper()
	text, err := b.sender.EndpointSecret(context.Background(), app, ep)
	if err != nil {
		b.Fatal(err)
	}
	return text
}

func (b *bed) rotate(app, ep, key string, grace time.Duration) {
	b.Helper()
	b.change(func(tx *store.Tx) error { return b.sender.RotateSecret(tx, app, ep, key, grace) })
}

// svixVerifies reports whether the official library takes a request.
func svixVerifies(t *testing.T, secret string, p *request) bool {
	t.Helper()
	w, err := svix.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	return w.VerifyIgnoringTimestamp(p.Body, header(p)) == nil
}

// TestSvix: what is sent verifies with the official library of Svix; the payload comes as
// it was sent, to the byte, and only with the headers that belong to it (E-22).
func TestSvix(t *testing.T) {
	onStores(t, func(b *bed) {
		app := b.app("one")
		ep := b.endpoint(app.ID, sender.EndpointIn{Headers: map[string]string{"x-LOWER": "kept", "Authorization": "Bearer t"}})
		payload := "{\"b\": 1.0,\n \"a\": \"\\u003c<\"}"
		m := b.send(app.ID, sender.MessageIn{Payload: json.RawMessage(payload)})
		got := b.arrived(ep.URL, 1)[0]
		w, err := svix.NewWebhook(b.secret(app.ID, ep.ID))
		if err != nil {
			b.Fatal(err)
		}
		if err := w.Verify(got.Body, header(&got)); err != nil {
			b.Error(err)
		}
		if string(got.Body) != payload {
			b.Errorf("%s came; want %s", got.Body, payload)
		}
		names := slices.Sorted(maps.Keys(got.Header))
		if want := []string{"Authorization", "Content-Type", "Svix-Id", "Svix-Signature", "Svix-Timestamp", "x-LOWER"}; !slices.Equal(names, want) {
			b.Errorf("headers %v; want %v", names, want)
		}
		if id := got.Header.Get("Svix-Id"); id != m.ID {
			b.Errorf("id %s; want %s", id, m.ID)
		}
	})
}

// TestStandard: what is sent verifies with the official library of Standard Webhooks, and
// raw payloads come with their type.
func TestStandard(t *testing.T) {
	b := newBed(t)
	b.start()
	app := b.app("one")
	ep := b.endpoint(app.ID, sender.EndpointIn{Scheme: sender.SchemeStandard})
	b.send(app.ID, sender.MessageIn{Raw: ref("<x>\xff\r\n</x>"), ContentType: "text/xml"})
	got := b.arrived(ep.URL, 1)[0]
	w, err := standardwebhooks.NewWebhook(b.secret(app.ID, ep.ID))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Verify(got.Body, header(&got)); err != nil {
		t.Error(err)
	}
	if string(got.Body) != "<x>\xff\r\n</x>" || got.Header.Get("Content-Type") != "text/xml" || got.Header.Get("Svix-Id") != "" {
		t.Errorf("%q came with %v", got.Body, got.Header)
	}
}

// TestTravelbase: the envelope has id, type, the time when the message was sent, and the
// payload's bytes; it and the headers are the same at each attempt, and the signature is
// what an independent reading of the documentation makes of them.
func TestTravelbase(t *testing.T) {
	inBubble(t, func(b *bed) {
		const secret = "travelbase-secret"
		app := b.app("one")
		ep := b.endpoint(app.ID, sender.EndpointIn{Scheme: sender.SchemeTravelbase, Secret: secret})
		b.receivers.status(500)
		sent := time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
		m := b.send(app.ID, sender.MessageIn{Payload: json.RawMessage(`{"a":  1.0}`)})
		sleep(time.Hour)
		got := b.receivers.at(ep.URL)
		if len(got) < 3 {
			b.Fatalf("%d attempts", len(got))
		}
		want := `{"id":"` + m.ID + `","type":"invoice.paid","created_at":"` + sent + `","data":{"a":  1.0}}`
		if string(got[0].Body) != want {
			b.Errorf("%s came; want %s", got[0].Body, want)
		}
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(sent + "." + want))
		for _, p := range got {
			h := header(&p)
			if !bytes.Equal(p.Body, got[0].Body) || h.Get("X-Webhook-Timestamp") != sent || h.Get("X-Webhook-Id") != m.ID || h.Get("X-Webhook-Event") != "invoice.paid" ||
				h.Get("X-Webhook-Signature") != hex.EncodeToString(mac.Sum(nil)) {
				b.Errorf("%v and %s came", h, p.Body)
			}
		}
		preset, _ := verifier.Preset("travelbase")
		v, err := verifier.New(preset, []string{secret}, verifier.Options{})
		if err != nil {
			b.Fatal(err)
		}
		r := &verifier.Request{Method: http.MethodPost, Header: header(&got[2])}
		if _, err := v.Verify(r, got[2].Body, time.Now()); err != nil {
			b.Errorf("our own verifier: %v", err)
		}
		raw := b.send(app.ID, sender.MessageIn{Raw: ref(`no "JSON"`)})
		sleep(time.Second)
		got = b.receivers.at(ep.URL)
		var envelope struct{ ID, Data string }
		if err := json.Unmarshal(got[len(got)-1].Body, &envelope); err != nil || envelope.ID != raw.ID || envelope.Data != `no "JSON"` {
			b.Errorf("raw: %s, %v", got[len(got)-1].Body, err)
		}
	})
}

// TestTimestamps: the id is the same at each attempt, the timestamp is that of the attempt
// (E-22).
func TestTimestamps(t *testing.T) {
	inBubble(t, func(b *bed) {
		app := b.app("one")
		ep := b.endpoint(app.ID, sender.EndpointIn{})
		b.receivers.status(500)
		m := b.send(app.ID, sender.MessageIn{})
		sleep(3 * time.Hour)
		b.change(func(tx *store.Tx) error { return b.sender.Resend(tx, app.ID, m.ID, ep.ID) })
		sleep(time.Second)
		got := b.receivers.at(ep.URL)
		if len(got) != 6 {
			b.Fatalf("%d attempts; want 6", len(got))
		}
		secret := b.secret(app.ID, ep.ID)
		for i := range got {
			h := header(&got[i])
			if h.Get("Svix-Id") != m.ID || h.Get("Svix-Timestamp") != strconv.FormatInt(got[i].at.Unix(), 10) || !svixVerifies(b.T, secret, &got[i]) {
				b.Errorf("attempt %d at %s: %v", i+1, got[i].at, h)
			}
		}
	})
}

// TestRotation: what is sent is signed with the secrets that are valid then: with the old
// ones, too, as long as their grace lasts, and not after (E-16).
func TestRotation(t *testing.T) {
	inBubble(t, func(b *bed) {
		app := b.app("one")
		ep := b.endpoint(app.ID, sender.EndpointIn{})
		first := b.secret(app.ID, ep.ID)
		b.receivers.status(500)
		b.send(app.ID, sender.MessageIn{}) // is attempted before and after
		sleep(time.Minute)
		b.rotate(app.ID, ep.ID, "", time.Hour)
		second := b.secret(app.ID, ep.ID)
		given := "whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
		b.rotate(app.ID, ep.ID, given, 24*time.Hour)
		if third := b.secret(app.ID, ep.ID); third != given || second == first {
			b.Fatalf("secrets %q, %q, %q", first, second, third)
		}
		begun := time.Now()
		valid := func(p *request) (which []bool) {
			for _, secret := range []string{first, second, given} {
				which = append(which, svixVerifies(b.T, secret, p))
			}
			return which
		}
		sleep(48 * time.Hour)
		seen := map[string]int{}
		for _, p := range b.receivers.at(ep.URL) {
			age, want := p.at.Sub(begun), []bool{true, false, false}
			switch {
			case age < 0:
			case age < time.Hour:
				want = []bool{true, true, true}
			case age < 24*time.Hour:
				want = []bool{false, true, true}
			default:
				want = []bool{false, false, true}
			}
			if got := valid(&p); !slices.Equal(got, want) {
				b.Errorf("after %s it verifies with %v of the secrets; want %v", age, got, want)
			}
			signatures := strings.Fields(p.Header.Get("Svix-Signature"))
			seen[strconv.Itoa(len(signatures))]++
			if age >= 0 {
				only := p
				only.Header = http.Header{"Svix-Id": p.Header["Svix-Id"], "Svix-Timestamp": p.Header["Svix-Timestamp"], "Svix-Signature": {signatures[0]}}
				if !svixVerifies(b.T, given, &only) {
					b.Error("the current secret is not the first to sign")
				}
			}
		}
		if seen["1"] == 0 || seen["2"] == 0 || seen["3"] == 0 {
			b.Errorf("attempts by signatures: %v", seen)
		}
	})
}

// TestRotationToPair: HMAC and Ed25519 sign in one header, and the public key is what is
// shown.
func TestRotationToPair(t *testing.T) {
	inBubble(t, func(b *bed) {
		app := b.app("one")
		ep := b.endpoint(app.ID, sender.EndpointIn{Scheme: sender.SchemeStandard})
		first := b.secret(app.ID, ep.ID)
		b.rotate(app.ID, ep.ID, "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==", sender.DefaultGrace)
		if shown := b.secret(app.ID, ep.ID); shown != "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=" {
			b.Errorf("shown as %s", shown)
		}
		b.send(app.ID, sender.MessageIn{})
		sleep(time.Second)
		p := b.receivers.at(ep.URL)[0]
		signatures := strings.Fields(p.Header.Get("Webhook-Signature"))
		if len(signatures) != 2 || !strings.HasPrefix(signatures[0], "v1a,") || !strings.HasPrefix(signatures[1], "v1,") {
			b.Fatalf("signatures %v", signatures)
		}
		w, err := standardwebhooks.NewWebhook(first)
		if err != nil {
			b.Fatal(err)
		}
		if err := w.Verify(p.Body, header(&p)); err != nil {
			b.Errorf("with the old secret: %v", err)
		}
		preset, _ := verifier.Preset("standard")
		v, err := verifier.New(preset, []string{"whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="}, verifier.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := v.Verify(&verifier.Request{Method: http.MethodPost, Header: header(&p)}, p.Body, time.Now()); err != nil {
			b.Errorf("with the public key: %v", err)
		}
	})
}

// TestRotationLimit: ten old secrets sign beside the current one, and no more.
func TestRotationLimit(t *testing.T) {
	inBubble(t, func(b *bed) {
		app := b.app("one")
		ep := b.endpoint(app.ID, sender.EndpointIn{})
		secrets := []string{b.secret(app.ID, ep.ID)}
		for range 10 {
			b.rotate(app.ID, ep.ID, "", time.Hour)
			secrets = append(secrets, b.secret(app.ID, ep.ID))
		}
		_, err := changing(b, func(tx *store.Tx) (struct{}, error) {
			return struct{}{}, b.sender.RotateSecret(tx, app.ID, ep.ID, "", time.Hour)
		})
		wantRefused(b.T, err, sender.CodeLimitReached)
		b.send(app.ID, sender.MessageIn{})
		sleep(time.Second)
		p := b.receivers.at(ep.URL)[0]
		for i, secret := range secrets {
			if !svixVerifies(b.T, secret, &p) {
				b.Errorf("secret %d does not sign", i)
			}
		}
		sleep(time.Hour)
		b.rotate(app.ID, ep.ID, "", time.Hour)
		for _, bad := range []time.Duration{-1, sender.MaxGrace + 1} {
			_, err := changing(b, func(tx *store.Tx) (struct{}, error) {
				return struct{}{}, b.sender.RotateSecret(tx, app.ID, ep.ID, "", bad)
			})
			wantInvalid(b.T, err, "body.gracePeriodSeconds")
		}
		_, err = changing(b, func(tx *store.Tx) (struct{}, error) {
			return struct{}{}, b.sender.RotateSecret(tx, app.ID, ep.ID, "whsec_short", 0)
		})
		wantInvalid(b.T, err, "body.key")
	})
}

// TestScheme: an endpoint's scheme is changed only if its secret can sign by the new one.
func TestScheme(t *testing.T) {
	b := newBed(t)
	b.start()
	app := b.app("one")
	ep := b.endpoint(app.ID, sender.EndpointIn{Scheme: sender.SchemeTravelbase, Secret: "travelbase-secret"})
	patch := func(p sender.EndpointPatch) error {
		_, err := changing(b, func(tx *store.Tx) (sender.Endpoint, error) { return b.sender.PatchEndpoint(tx, app.ID, ep.ID, p) })
		return err
	}
	wantInvalid(t, patch(sender.EndpointPatch{Scheme: ref(sender.SchemeSvix)}), "body.scheme")
	const secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
	if err := patch(sender.EndpointPatch{Scheme: ref(sender.SchemeSvix), Secret: ref(secret)}); err != nil {
		t.Fatal(err)
	}
	if err := patch(sender.EndpointPatch{Scheme: ref(sender.SchemeStandard)}); err != nil {
		t.Fatal(err)
	}
	b.send(app.ID, sender.MessageIn{})
	got := b.arrived(ep.URL, 1)[0]
	if header(&got).Get("Webhook-Id") == "" || b.secret(app.ID, ep.ID) != secret {
		t.Errorf("sent with %v", got.Header)
	}
}
