package verifier

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
)

const (
	maxShown = 64 // bytes of a header's name
	maxAlike = 4  // headers whose names look like a missing one
)

// renamed looks for a missing header under a name that only looks alike.
func (x *explainer) renamed() {
	refusal, ok := errors.AsType[*Refusal](x.Err)
	if !ok || !errors.Is(refusal.Reason, ErrMissingHeader) {
		return
	}
	bare := func(name string) string {
		name = strings.NewReplacer("-", "", "_", "", ".", "").Replace(strings.ToLower(name))
		return strings.TrimPrefix(name, "http")
	}
	want := bare(refusal.Where)
	for _, name := range slices.Sorted(maps.Keys(x.request.Header)) {
		if strings.HasSuffix(bare(name), want) && !strings.EqualFold(name, refusal.Where) {
			x.find("header_name", "There is a header %s; its name has to be %s.", cut(name, maxShown), refusal.Where)
			if len(x.Findings) == maxAlike {
				return
			}
		}
	}
}

// missing names what is not there, unless something else explains that already.
func (x *explainer) missing() {
	refusal, ok := errors.AsType[*Refusal](x.Err)
	if !ok || len(x.Findings) > 0 || !errors.Is(refusal.Reason, ErrMissingHeader) {
		return
	}
	what := "There is no " + refusal.Where
	if refusal.Detail != "" {
		what = refusal.Where + " " + refusal.Detail
	}
	x.find("header_missing", "%s: without it the signature cannot be checked. A proxy may have dropped it, or the request is of another sender.", what)
}

// shape looks for headers that are there twice, as two lines or joined into one.
func (x *explainer) shape() {
	family := x.family()
	var sources []*source
	for i := range x.locations {
		sources = append(sources, &x.locations[i].from)
	}
	for i, s := range append(sources, x.id, x.time, x.typ) {
		if s == nil || s.kind == inBody {
			continue
		}
		lines := x.lines(s, family)
		switch {
		case len(lines) > 1 && s.kind == inPart:
			x.find("header_joined", "%s holds %s %d times: a proxy may have joined two headers into one.", x.locations[0].from.name, s.name, len(lines))
		case len(lines) > 1:
			x.find("header_twice", "There are %d %s, where one belongs: a proxy may have added one.", len(lines), s.name)
		case len(lines) == 1 && s.kind == inHeader && strings.Contains(lines[0], ",") && (i >= len(x.locations) || x.locations[i].List == ""):
			x.find("header_joined", "%s holds several values, joined by commas: a proxy may have made one header of two.", s.name)
		}
	}
}

// otherSchemes returns the presets by which the request is a good webhook.
func (x *explainer) otherSchemes() (found []Finding) {
	told := map[string]bool{} // one of the schemes that share a header says enough
	for _, s := range presets {
		where := strings.ToLower(string(s.Signature[0].From))
		if s.Name == x.Name || told[where] {
			continue
		}
		other, err := New(s, x.secrets, Options{})
		if err != nil {
			continue
		}
		_, err = other.Verify(x.request, x.body, x.now)
		if err == nil || errors.Is(err, ErrStaleTimestamp) || errors.Is(err, ErrFutureTimestamp) {
			found = append(found, Finding{"other_scheme", "The signature matches by scheme " + s.Name + "."})
			told[where] = true
		}
	}
	return found
}

// otherHeaders returns the presets whose signature the request has, where it has none
// of its own scheme and none of the presets in matched is the right one.
func (x *explainer) otherHeaders(matched []Finding) (found []Finding) {
	if len(matched) > 0 || (&Verifier{scheme: x.compiled}).Present(x.request) {
		return nil
	}
	told := map[string]bool{}
	for _, s := range presets {
		where := http.CanonicalHeaderKey(strings.TrimPrefix(string(s.Signature[0].From), "header:"))
		if len(x.request.Header[where]) > 0 && !told[where] {
			told[where] = true
			found = append(found, Finding{"other_headers", "There is no signature of scheme " + x.Name + ", but one of scheme " + s.Name + " in " + where + "."})
		}
	}
	return found
}
