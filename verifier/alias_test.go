package verifier_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/hookgate/hookgate/verifier"
)

// aliased returns the headers of svix-… under the names webhook-… too.
func aliased(h http.Header) http.Header {
	h = h.Clone()
	for _, name := range []string{"Id", "Timestamp", "Signature"} {
		h["Webhook-"+name] = h["Svix-"+name]
	}
	return h
}

// TestPitfall10AliasTwins: both families may be there with equal values; a value
// of one never completes or contradicts the other. (pitfall 10)
func TestPitfall10AliasTwins(t *testing.T) {
	f := fixtures(t)[0]
	both := aliased(f.header)
	other := f.message
	other.ID = "msg_other"
	theirs := aliased(f.sign(t, other))
	drop := func(h http.Header, names ...string) http.Header {
		h = h.Clone()
		for _, name := range names {
			delete(h, name)
		}
		return h
	}
	svix, webhook := []string{"Svix-Id", "Svix-Timestamp", "Svix-Signature"}, []string{"Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"}
	for name, h := range map[string]http.Header{
		"svix alone":                       drop(both, webhook...),
		"webhook alone":                    drop(both, svix...),
		"both, equal":                      both,
		"svix and an equal webhook-id":     drop(both, webhook[1:]...),
		"webhook and an equal svix-id":     drop(both, svix[1:]...),
		"svix and the webhook signature":   drop(both, webhook[:2]...),
		"svix, another header of the name": with(f.header, "Webhook-Ids", "x"),
	} {
		if event := f.accepted(t, name, h, f.message.Body); event.ID != f.message.ID {
			t.Errorf("%s: id %q", name, event.ID)
		}
	}
	for name, test := range map[string]struct {
		h    http.Header
		want error
	}{
		"svix, webhook-id forged":       {with(f.header, "Webhook-Id", "fresh"), verifier.ErrMalformedHeader},
		"svix, webhook-timestamp":       {with(f.header, "Webhook-Timestamp", "1795435201"), verifier.ErrMalformedHeader},
		"svix, webhook-signature":       {with(f.header, "Webhook-Signature", "v1,x"), verifier.ErrMalformedHeader},
		"webhook, svix-id forged":       {with(drop(both, svix...), "Svix-Id", "fresh"), verifier.ErrMalformedHeader},
		"webhook, svix-timestamp":       {with(drop(both, svix...), "Svix-Timestamp", "1"), verifier.ErrMalformedHeader},
		"both, webhook-id empty":        {with(both, "Webhook-Id", ""), verifier.ErrMalformedHeader},
		"both, svix-id empty":           {with(both, "Svix-Id", ""), verifier.ErrMissingHeader},
		"both, webhook-id twice":        {with(both, "Webhook-Id", both["Svix-Id"][0], both["Svix-Id"][0]), verifier.ErrMalformedHeader},
		"both, svix-id twice":           {with(both, "Svix-Id", both["Svix-Id"][0], both["Svix-Id"][0]), verifier.ErrMalformedHeader},
		"both, good in svix only":       {with(both, "Webhook-Signature", theirs["Svix-Signature"]...), verifier.ErrMalformedHeader},
		"both, good in webhook only":    {with(both, "Svix-Signature", theirs["Svix-Signature"]...), verifier.ErrMalformedHeader},
		"svix signature, webhook rest":  {drop(both, "Webhook-Signature", "Svix-Id", "Svix-Timestamp"), verifier.ErrMissingHeader},
		"webhook signature, svix rest":  {drop(both, "Svix-Signature", "Webhook-Id", "Webhook-Timestamp"), verifier.ErrMissingHeader},
		"svix without id, webhook-id":   {drop(both, "Svix-Id", "Webhook-Timestamp", "Webhook-Signature"), verifier.ErrMissingHeader},
		"webhook without id, svix-id":   {drop(both, "Webhook-Id", "Svix-Timestamp", "Svix-Signature"), verifier.ErrMissingHeader},
		"an empty svix-signature":       {with(drop(both, svix...), "Svix-Signature", ""), verifier.ErrMissingHeader},
		"two messages, one each family": {merge(f.header, drop(theirs, svix...)), verifier.ErrMalformedHeader},
	} {
		f.refused(t, name, test.h, f.message.Body, test.want)
	}
}

func merge(a, b http.Header) http.Header {
	a = a.Clone()
	for name, lines := range b {
		a[name] = lines
	}
	return a
}

// TestStandardHasNoAliases: svix-… headers are none of its own.
func TestStandardHasNoAliases(t *testing.T) {
	standard, svix := fixtures(t)[1], fixtures(t)[0]
	standard.refused(t, "svix headers", svix.header, svix.message.Body, verifier.ErrMissingHeader)
	standard.accepted(t, "an unequal svix-id", with(standard.header, "Svix-Id", "other"), standard.message.Body)
	if standard.AliasHeaders() != nil {
		t.Errorf("aliases %v", standard.AliasHeaders())
	}
}

// TestHeadersOfAScheme: what a caller may have to remove, keep or hide.
func TestHeadersOfAScheme(t *testing.T) {
	for _, test := range []struct {
		name      string
		signature []string
		aliases   [][]string
		names     []string
	}{
		{
			"svix",
			[]string{"Svix-Signature", "Webhook-Signature"},
			[][]string{{"Svix-Signature", "Webhook-Signature"}, {"Svix-Timestamp", "Webhook-Timestamp"}, {"Svix-Id", "Webhook-Id"}},
			[]string{"Svix-Id", "Svix-Timestamp", "Svix-Signature", "Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"},
		},
		{"standard", []string{"Webhook-Signature"}, nil, []string{"Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"}},
		{"travelbase", []string{"X-Webhook-Signature"}, nil, []string{"X-Webhook-Id", "X-Webhook-Event", "X-Webhook-Timestamp", "X-Webhook-Signature"}},
		{"github", []string{"X-Hub-Signature-256"}, nil, []string{"X-Hub-Signature-256", "X-Github-Delivery", "X-Github-Event"}},
		{"stripe", []string{"Stripe-Signature"}, nil, []string{"Stripe-Signature"}},
		{"slack", []string{"X-Slack-Signature"}, nil, []string{"X-Slack-Signature", "X-Slack-Request-Timestamp"}},
		{"shopify", []string{"X-Shopify-Hmac-Sha256"}, nil, []string{"X-Shopify-Hmac-Sha256", "X-Shopify-Event-Id", "X-Shopify-Topic"}},
	} {
		s := preset(t, test.name)
		v := newVerifier(t, s, testSecret(s))
		if got := v.SignatureHeaders(); !slices.Equal(got, test.signature) {
			t.Errorf("%s: signature headers %v; want %v", test.name, got, test.signature)
		}
		if got := v.AliasHeaders(); !slices.EqualFunc(got, test.aliases, slices.Equal[[]string]) {
			t.Errorf("%s: aliases %v; want %v", test.name, got, test.aliases)
		}
		for _, name := range test.names {
			if !v.Names(name) {
				t.Errorf("%s: %s is not among its names", test.name, name)
			}
		}
		for _, name := range []string{"Content-Type", "Hookgate-Id", "X-Signature", "Svix"} {
			if v.Names(name) {
				t.Errorf("%s: %q is among its names", test.name, name)
			}
		}
		if v.Name() != test.name || v.Scheme().Name != test.name || v.Weak() {
			t.Errorf("%s: name %s, scheme %s, weak %t", test.name, v.Name(), v.Scheme().Name, v.Weak())
		}
	}
	if _, ok := verifier.Preset("none"); ok {
		t.Error("there is a preset none")
	}
	// The presets are the caller's to change, their slice not the package's.
	verifier.Presets()[0].Name = "changed"
	if verifier.Presets()[0].Name != "svix" {
		t.Error("a preset was changed from outside")
	}
}
