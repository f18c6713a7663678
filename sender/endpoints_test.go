package sender_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

func (b *bed) describe(types ...string) {
	b.Helper()
	for _, name := range types {
		must(b, func(tx *store.Tx) (sender.EventType, error) {
			return b.sender.CreateEventType(tx, sender.EventTypeIn{Name: name, Description: name})
		})
	}
}

func tryEndpoint(b *bed, app string, in sender.EndpointIn) (sender.Endpoint, error) {
	return changing(b, func(tx *store.Tx) (sender.Endpoint, error) { return b.sender.CreateEndpoint(tx, app, in) })
}

// TestEndpoints: an endpoint is made, read by id and uid within its application, changed,
// put and deleted.
func TestEndpoints(t *testing.T) {
	onStores(t, func(b *bed) {
		ctx := b.Context()
		b.describe("invoice.paid", "invoice.sent")
		app, other := b.app("one"), b.app("two")
		made := b.endpoint(app.ID, sender.EndpointIn{
			URL: "https://Example.com", UID: "main", EventTypes: []string{"invoice.paid"}, Channels: []string{"project:1"}, RateLimit: 7,
			Metadata: map[string]string{"a": "b"}, Description: "first",
		})
		if made.URL != "https://example.com/" || made.Scheme != sender.SchemeSvix || made.Disabled {
			b.Errorf("made %+v", made)
		}
		for _, ref := range []string{made.ID, "main"} {
			got, err := b.sender.Endpoint(ctx, "one", ref)
			if err != nil || got.ID != made.ID || !slices.Equal(got.EventTypes, made.EventTypes) || !slices.Equal(got.Channels, made.Channels) || !maps.Equal(got.Metadata, made.Metadata) {
				b.Errorf("%s is %+v, %v; want %+v", ref, got, err, made)
			}
			_, err = b.sender.Endpoint(ctx, other.ID, ref)
			wantNotFound(b.T, err)
		}
		patched := must(b, func(tx *store.Tx) (sender.Endpoint, error) {
			return b.sender.PatchEndpoint(tx, app.ID, "main", sender.EndpointPatch{
				URL: ref("https://example.com/2"), EventTypes: &sender.Optional[[]string]{Value: []string{"invoice.sent"}, Set: true}, Channels: &sender.Optional[[]string]{},
			})
		})
		if patched.URL != "https://example.com/2" || !slices.Equal(patched.EventTypes, []string{"invoice.sent"}) || patched.Channels != nil || patched.Description != "first" || patched.RateLimit != 7 {
			b.Errorf("patched to %+v", patched)
		}
		put := must(b, func(tx *store.Tx) (ep sender.Endpoint, err error) {
			ep, created, err := b.sender.PutEndpoint(tx, app.ID, made.ID, sender.EndpointIn{URL: "https://example.com/3"})
			if created {
				b.Error("put makes one anew")
			}
			return ep, err
		})
		if put.ID != made.ID || put.EventTypes != nil || put.UID != "" || len(put.Metadata) != 0 {
			b.Errorf("put to %+v", put)
		}
		b.change(func(tx *store.Tx) error { return b.sender.DeleteEndpoint(tx, app.ID, made.ID) })
		_, err := b.sender.Endpoint(ctx, app.ID, made.ID)
		wantNotFound(b.T, err)
		if l, err := b.sender.Endpoints(ctx, app.ID, sender.Page{}); err != nil || len(l.Data) != 0 || !l.Done || l.Iterator != "" {
			b.Errorf("listed after its deletion: %+v, %v", l, err)
		}
	})
}

// TestEndpointUID: a uid is one endpoint's of an application, until that is deleted.
func TestEndpointUID(t *testing.T) {
	onStores(t, func(b *bed) {
		app, other := b.app("one"), b.app("two")
		first := b.endpoint(app.ID, sender.EndpointIn{UID: "main"})
		b.endpoint(other.ID, sender.EndpointIn{UID: "main"})
		_, err := tryEndpoint(b, app.ID, sender.EndpointIn{URL: "https://example.com", UID: "main"})
		wantConflict(b.T, err)
		second := b.endpoint(app.ID, sender.EndpointIn{})
		_, err = changing(b, func(tx *store.Tx) (sender.Endpoint, error) {
			return b.sender.PatchEndpoint(tx, app.ID, second.ID, sender.EndpointPatch{UID: &sender.Optional[string]{Value: "main", Set: true}})
		})
		wantConflict(b.T, err)
		b.change(func(tx *store.Tx) error { return b.sender.DeleteEndpoint(tx, app.ID, first.ID) })
		b.endpoint(app.ID, sender.EndpointIn{UID: "main"})
	})
}

// TestEndpointPages: pages are walked forth and back, in both orders.
func TestEndpointPages(t *testing.T) {
	onStores(t, func(b *bed) {
		app := b.app("one")
		var ids []string
		for range 7 {
			ids = append(ids, b.endpoint(app.ID, sender.EndpointIn{}).ID)
		}
		slices.Sort(ids)
		walk(b, ids, func(p sender.Page) ([]string, sender.List[sender.Endpoint]) {
			l, err := b.sender.Endpoints(b.Context(), "one", p)
			if err != nil {
				b.Fatal(err)
			}
			return idsOf(l.Data, func(ep *sender.Endpoint) string { return ep.ID }), l
		})
	})
}

// TestEndpointRules: what is no endpoint is refused, with the field named.
func TestEndpointRules(t *testing.T) {
	b := newBed(t)
	b.start()
	b.describe("invoice.paid")
	app := b.app("one")
	secret := func(n int) string { return "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, n)) }
	const example = "https://example.com/"
	for _, c := range []struct {
		in    sender.EndpointIn
		field string
	}{
		{sender.EndpointIn{}, "url"},
		{sender.EndpointIn{URL: "ftp://example.com"}, "url"},
		{sender.EndpointIn{URL: "https://169.254.169.254/"}, "url"},
		{sender.EndpointIn{URL: "https://user:pass@example.com/"}, "url"},
		{sender.EndpointIn{URL: example, UID: "ep_x"}, "uid"},
		{sender.EndpointIn{URL: example, UID: "a/b"}, "uid"},
		{sender.EndpointIn{URL: example, EventTypes: []string{}}, "eventTypes"},
		{sender.EndpointIn{URL: example, EventTypes: []string{"unknown"}}, "eventTypes"},
		{sender.EndpointIn{URL: example, EventTypes: []string{"a,b"}}, "eventTypes"},
		{sender.EndpointIn{URL: example, Channels: []string{}}, "channels"},
		{sender.EndpointIn{URL: example, Channels: slices.Repeat([]string{"c"}, 11)}, "channels"},
		{sender.EndpointIn{URL: example, Channels: []string{"a,b"}}, "channels"},
		{sender.EndpointIn{URL: example, Channels: []string{strings.Repeat("c", 129)}}, "channels"},
		{sender.EndpointIn{URL: example, RateLimit: 65536}, "throttleRate"},
		{sender.EndpointIn{URL: example, Description: "\x02"}, "description"},
		{sender.EndpointIn{URL: example, Scheme: "github"}, "scheme"},
		{sender.EndpointIn{URL: example, Secret: secret(23)}, "secret"},
		{sender.EndpointIn{URL: example, Secret: secret(76)}, "secret"},
		{sender.EndpointIn{URL: example, Secret: secret(24)[6:]}, "secret"},
		{sender.EndpointIn{URL: example, Secret: "whsec_!!!"}, "secret"},
		{sender.EndpointIn{URL: example, Secret: "whsk_" + secret(64)[6:]}, "secret"},
		{sender.EndpointIn{URL: example, Secret: "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="}, "secret"},
		{sender.EndpointIn{URL: example, Secret: "short", Scheme: sender.SchemeTravelbase}, "secret"},
		{sender.EndpointIn{URL: example, Secret: strings.Repeat("a b", 9), Scheme: sender.SchemeTravelbase}, "secret"},
		{sender.EndpointIn{URL: example, Metadata: map[string]string{"k": strings.Repeat("v", 4096)}}, "metadata"},
		{sender.EndpointIn{URL: example, Headers: map[string]string{"X-A": "1", "x-a": "2"}}, "headers"},
	} {
		_, err := tryEndpoint(b, app.ID, c.in)
		wantInvalid(t, err, "body."+c.field)
		if c.in.Secret != "" && err != nil && strings.Contains(err.Error(), c.in.Secret) {
			t.Errorf("the secret is repeated: %v", err)
		}
	}
	for _, in := range []sender.EndpointIn{
		{URL: example, EventTypes: []string{"invoice.paid"}, Channels: []string{"a:b+c.d-e_f"}, Secret: secret(24)},
		{URL: example, Secret: secret(75), Scheme: sender.SchemeStandard},
		{URL: example, Secret: "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="},
		{URL: example, Secret: "travelbase-secret", Scheme: sender.SchemeTravelbase},
	} {
		if _, err := tryEndpoint(b, app.ID, in); err != nil {
			t.Errorf("%+v: %v", in, err)
		}
	}
	_, err := tryEndpoint(b, "nobody", sender.EndpointIn{URL: example})
	wantNotFound(t, err)
}

// TestHeaders: headers of an endpoint are set, changed and unset, and sensitive values are
// not shown.
func TestHeaders(t *testing.T) {
	onStores(t, func(b *bed) {
		app := b.app("one")
		ep := b.endpoint(app.ID, sender.EndpointIn{Headers: map[string]string{"X-First": "1"}})
		want := func(headers map[string]string, sensitive ...string) {
			b.Helper()
			got, hidden, err := b.sender.EndpointHeaders(b.Context(), app.ID, ep.ID)
			if err != nil || !maps.Equal(got, headers) || !slices.Equal(hidden, sensitive) {
				b.Errorf("%v and %v, %v; want %v and %v", got, hidden, err, headers, sensitive)
			}
		}
		want(map[string]string{"X-First": "1"})
		b.change(func(tx *store.Tx) error {
			return b.sender.PutEndpointHeaders(tx, app.ID, ep.ID, map[string]string{"X-Second": "2", "AUTHORIZATION": "Bearer x", "X-Api-Key": "y"})
		})
		want(map[string]string{"X-Second": "2"}, "AUTHORIZATION", "X-Api-Key")
		b.change(func(tx *store.Tx) error {
			return b.sender.PatchEndpointHeaders(tx, app.ID, ep.ID, map[string]string{"x-second": "3", "X-Third": ""}, []string{"x-api-key", "X-None"})
		})
		want(map[string]string{"x-second": "3", "X-Third": ""}, "AUTHORIZATION")
		var stored []byte
		err := b.store.Query(b.Context(), "SELECT headers FROM sender_endpoints WHERE id = ?", []any{ep.ID}, func(scan func(...any) error) error { return scan(&stored) })
		if err != nil || len(stored) == 0 || strings.Contains(string(stored), "Bearer") {
			b.Errorf("headers are stored as %q, %v", stored, err)
		}
		b.change(func(tx *store.Tx) error { return b.sender.PutEndpointHeaders(tx, app.ID, ep.ID, nil) })
		want(map[string]string{})
	})
}

// TestForbiddenHeaders: what is ours, or the connection's, cannot be set, in any spelling
// (H-15).
func TestForbiddenHeaders(t *testing.T) {
	b := newBed(t)
	b.start()
	app := b.app("one")
	ep := b.endpoint(app.ID, sender.EndpointIn{})
	put := func(name, value string) error {
		_, err := changing(b, func(tx *store.Tx) (struct{}, error) {
			return struct{}{}, b.sender.PutEndpointHeaders(tx, app.ID, ep.ID, map[string]string{name: value})
		})
		return err
	}
	for _, name := range strings.Fields(`user-agent keep-alive proxy-authenticate proxy-authorization te trailers transfer-encoding upgrade age
		cache-control clear-site-data expires pragma warning content-length content-type content-encoding content-language content-location
		x-amz-date x-amzn-trace x-google x-goog-x x-gfe x-azure-id x-fd-x x-svix-id svix-signature host connection webhook-signature webhook-id
		x-webhook-signature x-webhook-timestamp hookgate-source svix_signature webhook_id Content_Length`) {
		for _, spelled := range []string{name, strings.ToUpper(name)} {
			wantInvalid(t, put(spelled, "x"), "body.headers")
		}
	}
	for _, bad := range [][2]string{{"", "x"}, {"a b", "x"}, {"a:b", "x"}, {"é", "x"}, {"X-A", "a\r\nX-B: c"}, {"X-A", "\x00"}, {"X-A", strings.Repeat("v", 4097)}} {
		wantInvalid(t, put(bad[0], bad[1]), "body.headers")
	}
	for _, good := range [][2]string{{"X-A", strings.Repeat("v", 4096)}, {"Cookie", "a=b"}, {"Authorization", "Bearer x"}, {"X-Tab", "a\tb"}, {"X-Webhooks", "x"}} {
		if err := put(good[0], good[1]); err != nil {
			t.Errorf("%s: %v", good[0], err)
		}
	}
	many := map[string]string{}
	for i := range 51 {
		many[fmt.Sprint("x-", i)] = "1"
	}
	_, err := changing(b, func(tx *store.Tx) (struct{}, error) {
		return struct{}{}, b.sender.PutEndpointHeaders(tx, app.ID, ep.ID, many)
	})
	wantInvalid(t, err, "body.headers")
}
