package verifier

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// hints says what is odd about a request of which nothing explains the signature.
func (x *explainer) hints() {
	for i, secret := range x.secrets {
		x.odd(strings.TrimSpace(secret), which(i, len(x.secrets)))
	}
	x.otherHalf()
	header := x.request.Header
	if text := header.Get("Content-Length"); text != "" {
		if n, err := strconv.Atoi(text); err == nil && n != len(x.body) && x.MaxDecoded == 0 {
			x.find("body_length", "Content-Length says %d bytes, and the body has %d: it was cut off, unpacked or changed.", n, len(x.body))
		}
	}
	coding := strings.ToLower(trim(header.Get("Content-Encoding")))
	if coding != "" && coding != "identity" && x.MaxDecoded == 0 && (coding != "gzip" || !bytes.HasPrefix(x.body, []byte(gzipMagic))) {
		x.find("body_unpacked", "Content-Encoding says %q, and the body is not packed so: it was unpacked on its way, and the bytes that were signed are gone.", cut(coding, 16))
	}
	if bytes.ContainsRune(x.body, utf8.RuneError) && utf8.Valid(x.body) {
		x.find("body_replaced", "The body holds U+FFFD, which stands for bytes that could not be read: it was decoded by a wrong charset.")
	}
	kind, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	value := bytes.TrimSpace(x.body)
	switch looksJSON := len(value) > 0 && strings.IndexByte("{[", value[0]) >= 0; {
	case len(x.body) == 0:
		x.find("body_empty", "The body is empty: something else may have read it before.")
	case looksJSON && kind == "application/x-www-form-urlencoded":
		x.find("body_type", "Content-Type says a form, and the body is JSON: it was decoded on its way.")
	case looksJSON && truncated(value):
		x.find("body_truncated", "The body is JSON that ends in its middle: it was cut off.")
	}
}

// truncated reports whether JSON ends too early.
func truncated(text []byte) bool {
	d := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	return errors.Is(d.SkipValue(), io.ErrUnexpectedEOF)
}

// noSecrets are how texts begin that people have at hand and that sign no webhook.
var noSecrets = []struct {
	what     string
	prefixes []string
}{
	{"an API key", []string{"sk_live_", "sk_test_", "rk_live_", "rk_test_", "pk_live_", "pk_test_", "pdl_live_apikey_", "pdl_sdbx_apikey_", "SG."}},
	{"an access token", []string{"ghp_", "github_pat_", "glpat-", "shpat_", "xoxb-", "xoxp-", "xapp-"}},
	{"an id", []string{"ep_", "we_", "ntfset_"}},
	{"a URL", []string{"https://"}},
	{"a key in PEM", []string{"-----BEGIN "}},
}

// odd says what a secret looks like that is none for this scheme.
func (x *explainer) odd(secret, which string) {
	if slices.ContainsFunc(x.Keys, func(form KeyForm) bool { return form.Encoding == PEM }) && strings.HasPrefix(secret, "-----BEGIN ") {
		return
	}
	for _, kind := range noSecrets {
		for _, prefix := range kind.prefixes {
			if strings.HasPrefix(secret, prefix) {
				x.find("secret_kind", "What is given as %s begins with %q, as %s does; webhooks are signed with a secret of their own.", which, strings.TrimSpace(prefix), kind.what)
			}
		}
	}
}

// otherHalf says if all signatures are for keys of another kind than those given.
func (x *explainer) otherHalf() {
	l := &x.locations[0]
	if l.Pair == "" {
		return
	}
	var have []string // names of signatures that the keys verify
	for i, secret := range x.secrets {
		for _, k := range x.read(nil, secret, i, Finding{}) {
			have = append(have, k.form.Item)
		}
	}
	var sent []string
	for _, s := range x.offer(x.family()).signatures {
		name := strings.TrimSuffix(s.name, l.Pair)
		if slices.Contains(have, name) {
			return
		}
		if slices.Contains(x.items, name) && !slices.Contains(sent, name) {
			sent = append(sent, name)
		}
	}
	if len(have) > 0 && len(sent) > 0 {
		x.find("secret_half", "The secret is for signatures named %s, and the request has %s: one is of a public key, the other of a shared secret.", have[0], strings.Join(sent, " and "))
	}
}

// which names one of several secrets.
func which(i, of int) string {
	if of == 1 {
		return "the secret"
	}
	return "secret " + strconv.Itoa(i+1)
}

func cut(text string, most int) string { return text[:min(len(text), most)] }
