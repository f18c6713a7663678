package verifier

import (
	"net/http"
	"slices"
	"time"
)

// Name returns the scheme's name.
func (v *Verifier) Name() string { return v.scheme.Name }

// Scheme returns the scheme as given to [New], with the handshake that is answered.
func (v *Verifier) Scheme() *Scheme { return &v.scheme.Scheme }

// Tolerance returns how far the signed time may lie behind and ahead of the
// clock; ok is false if none is signed.
func (v *Verifier) Tolerance() (past, future time.Duration, ok bool) {
	return v.scheme.past, v.scheme.future, v.scheme.time != nil
}

// Weak reports whether the scheme needed [Options.AllowWeak].
func (v *Verifier) Weak() bool {
	if !v.scheme.bodySafe {
		return true
	}
	for i := range v.ring.keys {
		if v.ring.keys[i].form.Algorithm.weak() {
			return true
		}
	}
	return false
}

// SignatureHeaders returns the canonical names of the headers that may carry a
// signature, aliases included.
func (v *Verifier) SignatureHeaders() []string {
	var names []string
	for i := range v.scheme.locations {
		names = append(names, v.scheme.locations[i].from.keys...)
	}
	return names
}

// SignaturePlaces returns where a signature may be: the headers, and query values
// as query:<name>.
func (v *Verifier) SignaturePlaces() []string {
	places := v.SignatureHeaders()
	for i := range v.scheme.locations {
		if from := &v.scheme.locations[i].from; from.kind == inQuery {
			places = append(places, from.String())
		}
	}
	return places
}

// AliasHeaders returns the canonical names of headers that stand for the same
// value, each family's own spelling first: of those that are there, one is kept
// when a request is passed on.
//
// The caller must not change it.
func (v *Verifier) AliasHeaders() [][]string { return v.scheme.twins }

// Names reports whether the scheme reads or sends the header of that canonical
// name.
func (v *Verifier) Names(header string) bool {
	s := v.scheme
	for _, name := range []string{s.UnsignedID, s.UnsignedType} {
		if name != "" && http.CanonicalHeaderKey(name) == header {
			return true
		}
	}
	for i := range s.parts {
		if slices.Contains(s.parts[i].keys, header) {
			return true
		}
	}
	return slices.Contains(v.SignatureHeaders(), header)
}

// Scheme returns the scheme that verified it.
func (p *Verified) Scheme() *Scheme { return p.v.Scheme() }

// Check reports what is wrong with a scheme, weak ones allowed; nil if nothing
// is.
func Check(s Scheme) error {
	_, err := compile(s, true)
	return err
}

// CheckStrong is Check for those that do without [Options.AllowWeak].
func CheckStrong(s Scheme) error {
	_, err := compile(s, false)
	return err
}
