package sender_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

func create(b *bed, in sender.ApplicationIn) (sender.Application, error) {
	return changing(b, func(tx *store.Tx) (sender.Application, error) { return b.sender.CreateApplication(tx, in) })
}

// TestApplications: an application is made, read by id and by uid, changed and deleted.
func TestApplications(t *testing.T) {
	onStores(t, func(b *bed) {
		ctx := b.Context()
		made, err := create(b, sender.ApplicationIn{Name: "Acme", UID: "customer-42", RateLimit: 100, Metadata: map[string]string{"plan": "pro"}})
		if err != nil {
			b.Fatal(err)
		}
		for _, ref := range []string{made.ID, "customer-42"} {
			got, err := b.sender.Application(ctx, ref)
			if err != nil || got.ID != made.ID || got.Name != "Acme" || got.RateLimit != 100 || !maps.Equal(got.Metadata, made.Metadata) || !got.Created.Equal(made.Created) {
				b.Errorf("%s is %+v, %v; want %+v", ref, got, err, made)
			}
		}
		patched := must(b, func(tx *store.Tx) (sender.Application, error) {
			return b.sender.PatchApplication(tx, made.ID, sender.ApplicationPatch{Name: ref("New"), UID: &sender.Optional[string]{}, Metadata: &map[string]string{}})
		})
		if patched.Name != "New" || patched.UID != "" || patched.RateLimit != 100 || len(patched.Metadata) != 0 {
			b.Errorf("patched to %+v", patched)
		}
		_, err = b.sender.Application(ctx, "customer-42")
		wantNotFound(b.T, err)
		var created bool
		put := must(b, func(tx *store.Tx) (app sender.Application, err error) {
			app, created, err = b.sender.PutApplication(tx, made.ID, sender.ApplicationIn{Name: "Put", UID: "put"})
			return app, err
		})
		if created || put.ID != made.ID || put.RateLimit != 0 || put.UID != "put" {
			b.Errorf("put to %+v, created %t", put, created)
		}
		other := must(b, func(tx *store.Tx) (app sender.Application, err error) {
			app, created, err = b.sender.PutApplication(tx, "unknown", sender.ApplicationIn{Name: "Other"})
			return app, err
		})
		if !created || other.ID == made.ID {
			b.Errorf("put anew: %+v, created %t", other, created)
		}
		b.change(func(tx *store.Tx) error { return b.sender.DeleteApplication(tx, "put") })
		for _, ref := range []string{made.ID, "put", ""} {
			_, err := b.sender.Application(ctx, ref)
			wantNotFound(b.T, err)
		}
		if _, err := create(b, sender.ApplicationIn{Name: "Again", UID: "put"}); err != nil {
			b.Errorf("a deleted application's uid is not free: %v", err)
		}
	})
}

// TestApplicationUID: a uid is one application's.
func TestApplicationUID(t *testing.T) {
	onStores(t, func(b *bed) {
		first, second := b.app("one"), b.app("two")
		_, err := create(b, sender.ApplicationIn{Name: "x", UID: "one"})
		wantConflict(b.T, err)
		_, err = changing(b, func(tx *store.Tx) (sender.Application, error) {
			return b.sender.PatchApplication(tx, second.ID, sender.ApplicationPatch{UID: &sender.Optional[string]{Value: "one", Set: true}})
		})
		wantConflict(b.T, err)
		_, err = changing(b, func(tx *store.Tx) (sender.Application, error) {
			return b.sender.PatchApplication(tx, first.ID, sender.ApplicationPatch{UID: &sender.Optional[string]{Value: "one", Set: true}})
		})
		if err != nil {
			b.Errorf("its own uid: %v", err)
		}
		for range 2 {
			var created bool
			got := must(b, func(tx *store.Tx) (app sender.Application, err error) {
				app, created, err = b.sender.EnsureApplication(tx, sender.ApplicationIn{Name: "changed", UID: "one"})
				return app, err
			})
			if created || got.Name != "Acme" || got.ID != first.ID {
				b.Errorf("got %+v, created %t; want the one that there is, unchanged", got, created)
			}
		}
	})
}

// TestApplicationRules: what is no application is refused, with the field named.
func TestApplicationRules(t *testing.T) {
	b := newBed(t)
	b.start()
	for _, c := range []struct {
		in    sender.ApplicationIn
		field string
	}{
		{sender.ApplicationIn{}, "body.name"},
		{sender.ApplicationIn{Name: "a\x00b"}, "body.name"},
		{sender.ApplicationIn{Name: "a\xffb"}, "body.name"},
		{sender.ApplicationIn{Name: "x", UID: "app_1"}, "body.uid"},
		{sender.ApplicationIn{Name: "x", UID: "a b"}, "body.uid"},
		{sender.ApplicationIn{Name: "x", UID: "é"}, "body.uid"},
		{sender.ApplicationIn{Name: "x", UID: strings.Repeat("u", 257)}, "body.uid"},
		{sender.ApplicationIn{Name: "x", RateLimit: -1}, "body.throttleRate"},
		{sender.ApplicationIn{Name: "x", RateLimit: 65536}, "body.throttleRate"},
		{sender.ApplicationIn{Name: "x", Metadata: map[string]string{"k": strings.Repeat("v", 4096)}}, "body.metadata"},
		{sender.ApplicationIn{Name: "x", Metadata: map[string]string{"k": "\x01"}}, "body.metadata"},
	} {
		_, err := create(b, c.in)
		wantInvalid(t, err, c.field)
	}
	if _, err := create(b, sender.ApplicationIn{Name: "é", UID: "A-z_0." + strings.Repeat("u", 250), RateLimit: 65535}); err != nil {
		t.Errorf("what is within the rules: %v", err)
	}
}

// TestApplicationPages: pages are walked forth and back, in both orders.
func TestApplicationPages(t *testing.T) {
	onStores(t, func(b *bed) {
		var ids []string
		for i := range 10 {
			ids = append(ids, b.app(fmt.Sprint("uid-", i)).ID)
		}
		slices.Sort(ids)
		list := func(p sender.Page) sender.List[sender.Application] {
			b.Helper()
			l, err := b.sender.Applications(context.Background(), p)
			if err != nil {
				b.Fatal(err)
			}
			return l
		}
		walk(b, ids, func(p sender.Page) ([]string, sender.List[sender.Application]) {
			l := list(p)
			return idsOf(l.Data, func(a *sender.Application) string { return a.ID }), l
		})
		for _, p := range []sender.Page{{Limit: 251}, {Limit: -1}, {Iterator: "BAD-$$$"}, {Iterator: "ep_" + ids[0][4:]}, {Iterator: "-"}} {
			_, err := b.sender.Applications(context.Background(), p)
			wantInvalid(b.T, err, map[bool]string{true: "query.limit", false: "query.iterator"}[p.Limit != 0])
		}
	})
}

func idsOf[T any](data []T, name func(*T) string) []string {
	all := make([]string, len(data))
	for i := range data {
		all[i] = name(&data[i])
	}
	return all
}

// walk checks that pages of a list have all of it, forth and back, in both orders. The
// names are given in ascending order.
func walk[T any](b *bed, want []string, page func(sender.Page) ([]string, sender.List[T])) {
	b.Helper()
	for _, ascending := range []bool{true, false} {
		if !ascending {
			slices.Reverse(want)
		}
		for _, limit := range []int{1, 3, len(want), len(want) + 1} {
			walkOne(b, want, sender.Page{Limit: limit, Ascending: ascending}, page)
		}
	}
	slices.Reverse(want)
}

func walkOne[T any](b *bed, want []string, p sender.Page, page func(sender.Page) ([]string, sender.List[T])) {
	b.Helper()
	var got, back []string
	var l sender.List[T]
	var last []string
	for l.Iterator = p.Iterator; !l.Done; {
		p.Iterator = l.Iterator
		last, l = page(p)
		if got = append(got, last...); len(last) == 0 || len(got) > len(want) {
			break
		}
		if last[len(last)-1] != l.Iterator || "-"+last[0] != l.PrevIterator {
			b.Errorf("iterators %s and %s of %v", l.Iterator, l.PrevIterator, last)
		}
	}
	if !slices.Equal(got, want) {
		b.Errorf("%+v: %v; want %v", p, got, want)
	}
	back = last
	for l.Done = false; !l.Done && len(back) <= len(want) && len(last) > 0; {
		p.Iterator = l.PrevIterator
		if last, l = page(p); len(last) > 0 {
			back = append(slices.Clone(last), back...)
		}
	}
	if !slices.Equal(back, want) {
		b.Errorf("%+v, backwards: %v; want %v", p, back, want)
	}
}
