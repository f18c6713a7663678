package verifier_test

import (
	"encoding/base64"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	svix "github.com/svix/svix-webhooks/go"

	"github.com/hookgate/hookgate/verifier"
)

// library is the part that the official Go libraries of Svix and of Standard
// Webhooks have in common.
type library interface {
	Sign(id string, at time.Time, body []byte) (string, error)
	Verify(body []byte, h http.Header) error
	VerifyIgnoringTimestamp(body []byte, h http.Header) error
}

// official is a library with the headers and the preset it is used with.
type official struct {
	name   string
	open   func(secret string) (library, error)
	prefix string
	preset string
}

var (
	openSvix     = func(secret string) (library, error) { return svix.NewWebhook(secret) }
	openStandard = func(secret string) (library, error) { return standardwebhooks.NewWebhook(secret) }
)

var officials = []official{
	{"svix", openSvix, "svix-", "svix"},
	{"svix, white-labelled", openSvix, "webhook-", "svix"},
	{"svix as standard", openSvix, "webhook-", "standard"},
	{"standard webhooks", openStandard, "webhook-", "standard"},
	{"standard webhooks as svix", openStandard, "webhook-", "svix"},
}

// drawn is a webhook drawn at random: any id, any bytes.
type drawn struct {
	secret string
	id     string
	at     time.Time
	body   []byte
}

func draw(random *rand.Rand, earliest, latest time.Time) drawn {
	d := drawn{secret: drawSecret(random), at: time.Unix(earliest.Unix()+random.Int64N(latest.Unix()-earliest.Unix()), 0)}
	id := make([]byte, 1+random.IntN(256))
	for i := range id {
		for id[i] = '.'; id[i] == '.'; { // the spec forbids the delimiter
			id[i] = byte('!' + random.IntN('~'-'!'+1))
		}
	}
	d.id = string(id)
	d.body = make([]byte, random.IntN(2048))
	for i := range d.body {
		d.body[i] = byte(random.Uint32())
	}
	return d
}

// drawSecret draws one of a length that the spec allows, with the prefix or
// without.
func drawSecret(random *rand.Rand) string {
	key := make([]byte, 24+random.IntN(41))
	for i := range key {
		key[i] = byte(random.Uint32())
	}
	return []string{"whsec_", ""}[random.IntN(2)] + base64.StdEncoding.EncodeToString(key)
}

// TestOfficialSignaturesAreAccepted: what the official libraries sign verifies
// here, among the signatures of other secrets too. (S-08)
func TestOfficialSignaturesAreAccepted(t *testing.T) {
	for _, o := range officials {
		t.Run(o.name, func(t *testing.T) {
			t.Logf("to see the same again: -seed %d", *seed)
			random := rand.New(rand.NewPCG(*seed, 1))
			for range 2000 {
				d, others := draw(random, time.Unix(1e9, 0), time.Unix(1e10, 0)), []string{drawSecret(random), drawSecret(random)}
				var list []string
				for _, secret := range append(others[:1:1], d.secret) {
					signer, err := o.open(secret)
					if err != nil {
						t.Fatal(err)
					}
					signature, err := signer.Sign(d.id, d.at, d.body)
					if err != nil {
						t.Fatal(err)
					}
					list = append(list, signature)
				}
				h := http.Header{}
				h.Set(o.prefix+"id", d.id)
				h.Set(o.prefix+"timestamp", strconv.FormatInt(d.at.Unix(), 10))
				h.Set(o.prefix+"signature", strings.Join(list, " "))
				verified, err := newVerifier(t, preset(t, o.preset), others[1], d.secret).Verify(post(h), d.body, d.at)
				if err != nil {
					t.Fatalf("%+v: refused: %v", d, err)
				}
				if event, err := verified.Event(); err != nil || event.ID != d.id || verified.Secret != 1 || !verified.Timestamp.Equal(d.at) {
					t.Fatalf("%+v: read as %+v of %+v, error %v", d, event, verified, err)
				}
			}
		})
	}
}

// TestOfficialLibrariesAccept: what is signed here verifies in the official
// libraries, with each of the secrets, and is refused there once changed.
func TestOfficialLibrariesAccept(t *testing.T) {
	for _, o := range []official{
		{"svix", openSvix, "svix-", "svix"},
		{"svix, as standard", openSvix, "webhook-", "standard"},
		{"standard webhooks", openStandard, "webhook-", "standard"},
	} {
		t.Run(o.name, func(t *testing.T) {
			t.Logf("to see the same again: -seed %d", *seed)
			random := rand.New(rand.NewPCG(*seed, 2))
			for range 2000 {
				d, old := draw(random, time.Unix(1e9, 0), time.Unix(1e10, 0)), drawSecret(random)
				h := sign(t, newSigner(t, preset(t, o.preset), d.secret, old), verifier.Message{ID: d.id, Timestamp: d.at, Body: d.body})
				if h.Get(o.prefix+"id") != d.id {
					t.Fatalf("headers %v; want %sid: %s", h, o.prefix, d.id)
				}
				for _, secret := range []string{d.secret, old} {
					l, err := o.open(secret)
					if err != nil {
						t.Fatal(err)
					}
					if err := l.VerifyIgnoringTimestamp(d.body, h); err != nil {
						t.Fatalf("%+v: refused: %v", d, err)
					}
					if l.VerifyIgnoringTimestamp(append(d.body, 0), h) == nil {
						t.Fatalf("%+v: accepted with a longer body", d)
					}
				}
			}
		})
	}
}

// TestOfficialTolerance: the libraries hold a fresh signature of ours for fresh.
func TestOfficialTolerance(t *testing.T) {
	for _, o := range []official{officials[0], officials[3]} {
		secret := testSecret(preset(t, o.preset))
		l, err := o.open(secret)
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			age  time.Duration
			good bool
		}{{0, true}, {4 * time.Minute, true}, {-4 * time.Minute, true}, {6 * time.Minute, false}, {-6 * time.Minute, false}} {
			now := time.Now()
			h := sign(t, newSigner(t, preset(t, o.preset), secret), verifier.Message{ID: "msg_1", Timestamp: now.Add(-test.age), Body: []byte("{}")})
			theirs := l.Verify([]byte("{}"), h)
			_, ours := newVerifier(t, preset(t, o.preset), secret).Verify(post(h), []byte("{}"), now)
			if (theirs == nil) != test.good || (ours == nil) != test.good {
				t.Errorf("%v old: theirs %v, ours %v; want accepted %t", test.age, theirs, ours, test.good)
			}
		}
	}
}
