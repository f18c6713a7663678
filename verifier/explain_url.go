package verifier

import (
	"net/url"
	"slices"
	"strings"
)

// otherValue is what may have been signed in place of a value, and how it differs.
type otherValue struct{ value, how string }

// others collects values that are all different.
type others struct {
	own string
	all []otherValue
}

func (o *others) add(value, how string) {
	if value != o.own && !slices.ContainsFunc(o.all, func(v otherValue) bool { return v.value == value }) {
		o.all = append(o.all, otherValue{value, how})
	}
}

// urlEdit is how a URL may differ between the provider and us.
type urlEdit struct {
	how  string
	edit func(*url.URL)
}

func (x *explainer) urlEdits() []urlEdit {
	query := func(to string) func(*url.URL) { return func(u *url.URL) { u.RawQuery = to } }
	edits := []urlEdit{
		{"with http", func(u *url.URL) { u.Scheme = "http" }},
		{"with https", func(u *url.URL) { u.Scheme = "https" }},
		{"without a port", func(u *url.URL) { u.Host = u.Hostname() }},
		{"with the port 443", func(u *url.URL) { u.Host = u.Hostname() + ":443" }},
		{"with the port 80", func(u *url.URL) { u.Host = u.Hostname() + ":80" }},
		{"with a slash at its end", func(u *url.URL) { u.Path = strings.TrimRight(u.Path, "/") + "/" }},
		{"without a slash at its end", func(u *url.URL) { u.Path = strings.TrimRight(u.Path, "/") }},
		{"without a query", query("")},
	}
	if raw := x.request.RawQuery; raw != "" && !x.query {
		edits = append(edits, urlEdit{"with the query of the request", query(raw)})
	}
	for _, name := range []string{"X-Forwarded-Host", "Host"} {
		if host := x.request.Header.Get(name); host != "" {
			edits = append(edits, urlEdit{"with the host that the request names in " + name, func(u *url.URL) { u.Host = host }})
		}
	}
	return edits
}

// urls are what the provider may have in place of public_url: one edit away, then two.
func (x *explainer) urls() []otherValue {
	own, err := url.Parse(x.options.PublicURL)
	if err != nil || !x.template.has(varURL) {
		return nil
	}
	edits, found := x.urlEdits(), others{own: x.options.PublicURL}
	for _, one := range edits {
		u := *own
		one.edit(&u)
		found.add(u.String(), one.how)
	}
	for i, one := range edits {
		for _, two := range edits[i+1:] {
			u := *own
			one.edit(&u)
			two.edit(&u)
			found.add(u.String(), one.how+" and "+two.how)
		}
	}
	return found.all
}

// queries are other spellings of a signed query.
func (x *explainer) queries() []otherValue {
	raw := x.request.RawQuery
	if !x.query || raw == "" || len(raw) > maxQuery {
		return nil
	}
	found := others{own: raw}
	pairs := strings.Split(raw, "&")
	slices.Sort(pairs)
	found.add(strings.Join(pairs, "&"), "sorted")
	slices.Reverse(pairs)
	found.add(strings.Join(pairs, "&"), "sorted backwards")
	pairs = strings.Split(raw, "&")
	slices.Reverse(pairs)
	found.add(strings.Join(pairs, "&"), "in reverse order")
	if values, err := url.ParseQuery(raw); err == nil {
		found.add(values.Encode(), "sorted and escaped anew")
	}
	if plain, err := url.QueryUnescape(raw); err == nil {
		found.add(plain, "not escaped")
	}
	return found.all
}
