package main

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"
	svix "github.com/svix/svix-webhooks/go"

	"github.com/hookgate/hookgate/verifier"
)

// BenchmarkVerify verifies one event in the svix scheme: with the bare HMAC that
// no verifier can go under, with ours, and with the official libraries. The
// standard one gets the same event under its own header names.
func BenchmarkVerify(b *testing.B) {
	scheme, _ := verifier.Preset("svix")
	theirs, err := svix.NewWebhook(secret)
	if err != nil {
		b.Fatal(err)
	}
	others, err := standard.NewWebhook(secret)
	if err != nil {
		b.Fatal(err)
	}
	for _, size := range []int{1 << 10, 64 << 10} {
		t, err := newTrial(scheme, size)
		if err != nil {
			b.Fatal(err)
		}
		renamed := http.Header{}
		for _, name := range []string{"Id", "Timestamp", "Signature"} {
			renamed.Set("Webhook-"+name, t.request.Header.Get("Svix-"+name))
		}
		for _, bb := range []struct {
			name   string
			verify func() error
		}{
			{"hmac", func() error { t.floor(); return nil }},
			{"hookgate", t.verify},
			{"svix-go", func() error { return theirs.Verify(t.body, t.request.Header) }},
			{"standard-go", func() error { return others.Verify(t.body, renamed) }},
		} {
			b.Run(fmt.Sprintf("%s/%d", bb.name, size), func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(size))
				for b.Loop() {
					if err := bb.verify(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// The floor is over the signed bytes of every preset (newTrial errs if not), both
// sides of a round are measured, and an event that is refused spoils the trial.
func TestTrials(t *testing.T) {
	for _, scheme := range verifier.Presets() {
		if !hasFloor(scheme) {
			continue
		}
		trial, err := newTrial(scheme, 1<<10)
		if err != nil {
			t.Fatal(err)
		}
		floor, ours, err := trial.slices(3, 10*time.Microsecond)
		if err != nil || len(floor) != 3 || len(ours) != 3 {
			t.Errorf("%s: %v, %v, %v", scheme.Name, floor, ours, err)
		}
		trial.body[0] ^= 1
		if _, _, err := trial.slices(3, 10*time.Microsecond); err == nil {
			t.Errorf("%s: a trial of refusals was measured", scheme.Name)
		}
	}
	wrong, _ := verifier.Preset("svix")
	wrong.Signed = "{id}.{timestamp}.{method}{body}"
	if _, err := newTrial(wrong, 1<<10); err == nil {
		t.Error("a floor over other bytes passed")
	}
}

func TestVerifyStopsWhenInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := compareVerify(ctx, t.Output(), true); err == nil {
		t.Error("it went on")
	}
}
