package verifier

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// content is what is signed around the body.
type content struct {
	Finding
	offer    offer
	template template
}

// contents returns the request's own content, then what a sender may have signed
// in its place. elsewhere is false if signatures in headers that are no business of the
// scheme are explained already.
func (x *explainer) contents(elsewhere bool) []content {
	family := x.family()
	own := content{offer: x.offer(family), template: x.template}
	all := []content{own}
	change := func(code, text string, to func(*content)) {
		changed := own
		changed.Finding = Finding{code, "The signature matches " + text + "."}
		to(&changed)
		all = append(all, changed)
	}
	for i, name := range x.locations[0].from.keys {
		if i != family {
			change("alias", "by "+strings.ToLower(name)+" and the headers that go with it; the same values under the other names differ",
				func(c *content) { c.offer = x.offer(i) })
		}
	}
	if x.time != nil && x.id != nil && x.id.kind != inBody {
		change("swapped", fmt.Sprintf("with the values of %s and %s swapped", x.id.name, x.time.name),
			func(c *content) {
				c.offer.values[varID], c.offer.values[varTimestamp] = own.offer.values[varTimestamp], own.offer.values[varID]
			})
	}
	if at, _, ok := readTime(own.offer.values[varTimestamp]); ok && x.time != nil {
		for _, text := range timeSpellings(at) {
			change("timestamp_spelling", fmt.Sprintf("with the timestamp written as %s; %s has another spelling of it", text, x.time.name),
				func(c *content) { c.offer.values[varTimestamp] = text })
		}
	}
	for _, v := range []variable{varID, varTimestamp} {
		if first, _, ok := strings.Cut(own.offer.values[v], ","); ok && first != "" {
			change("header_joined", "with the first of the values that one header holds, joined by commas: a proxy has made one header of two",
				func(c *content) { c.offer.values[v] = trim(first) })
		}
	}
	if elsewhere {
		strayed := 0
		for _, name := range slices.Sorted(maps.Keys(x.request.Header)) {
			if signatures := x.strayed(name); len(signatures) > 0 && strayed < maxStrayed {
				strayed++
				change("signature_header", "in the header "+cut(name, maxShown)+"; this scheme has it in "+x.locations[0].from.name,
					func(c *content) { c.offer.signatures = signatures })
			}
		}
	}
	for _, other := range x.urls() {
		change("url", "if public_url is written "+other.how, func(c *content) { c.offer.values[varURL] = other.value })
	}
	for _, other := range x.queries() {
		change("query", "with the query "+other.how+": it was changed on its way", func(c *content) { c.offer.values[varQuery] = other.value })
	}
	for _, s := range otherTemplates {
		t, err := compileTemplate(s)
		if err == nil && s != x.Scheme.Signed {
			change("signed_content", fmt.Sprintf("over %s; this scheme signs %s", s, x.Scheme.Signed), func(c *content) { c.template = t })
		}
	}
	return all
}

const (
	maxStrayed = 8        // headers that are searched for a signature
	maxLine    = 16 << 10 // bytes of a header in which one is searched for
)

// strayed returns what in another header than those of the scheme could be a
// signature.
func (x *explainer) strayed(name string) (all []spelled) {
	for i := range x.locations {
		if slices.Contains(x.locations[i].from.keys, name) {
			return nil
		}
	}
	for _, line := range x.request.Header[name] {
		all = append(all, x.spellings(line)...)
	}
	return all[:min(len(all), maxSpelled)]
}

// otherTemplates are what senders sign by mistake, or by another scheme.
var otherTemplates = []string{"{body}", "{timestamp}.{body}", "{id}.{timestamp}.{body}", "{timestamp}:{body}", "{timestamp}{body}", "{body}{timestamp}"}

// otherTime searches the seconds around the one in the headers for the one that
// was signed, as far as a bounded number of MACs goes.
func (x *explainer) otherTime(readings []reading, own content) bool {
	at, format, ok := readTime(own.offer.values[varTimestamp])
	if !ok || x.time == nil || format != Unix {
		return false
	}
	const (
		budget = 16 << 20 // bytes hashed
		week   = 7 * 24 * 60 * 60
	)
	least := 512 // a MAC costs as much as hashing that many bytes
	if x.Keys[0].Algorithm.pair() {
		least = 64 << 10
	}
	tries := budget / (len(x.body) + least)
	for distance := int64(1); distance <= week; distance++ {
		for _, seconds := range []int64{-distance, distance} {
			own.offer.values[varTimestamp] = strconv.FormatInt(at.Unix()+seconds, 10)
			for i := 0; i < len(readings) && readings[i].changes() == 0; i++ {
				if tries--; tries < 0 {
					return false
				}
				if _, ok := own.signedBy(&readings[i], x.body); ok {
					x.find("other_timestamp", "The signature is for %s, %+d s from the timestamp in %s: headers of two attempts are mixed, or the timestamp was changed.",
						own.offer.values[varTimestamp], seconds, x.time.name)
					return true
				}
			}
		}
	}
	return false
}

// readTime reads a timestamp of any format.
func readTime(text string) (time.Time, TimeFormat, bool) {
	for _, format := range []TimeFormat{Unix, UnixMilli, RFC3339} {
		if at, ok := parseTime(format, text); ok {
			return at, format, true
		}
	}
	return time.Time{}, "", false
}

// describe completes "the timestamp is …".
func (f TimeFormat) describe() string {
	switch f {
	case UnixMilli:
		return "in milliseconds"
	case RFC3339:
		return "as an RFC 3339 date"
	default:
		return "in seconds"
	}
}

// timeSpellings are the usual ways to write a time.
func timeSpellings(at time.Time) []string {
	at = at.UTC()
	layouts := []string{
		time.RFC3339, "2006-01-02T15:04:05.000Z07:00", "2006-01-02T15:04:05.000000Z07:00",
		"2006-01-02T15:04:05-07:00", "2006-01-02T15:04:05.000-07:00", "2006-01-02T15:04:05.000000-07:00",
	}
	all := append(make([]string, 0, len(layouts)+2), formatTime(Unix, at), formatTime(UnixMilli, at))
	for _, layout := range layouts {
		all = append(all, at.Format(layout))
	}
	return all
}
