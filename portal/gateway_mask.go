package portal

import (
	"net/url"
	"strings"

	"github.com/hookgate/hookgate/gateway"
)

// masked stands for what is not shown.
const masked = "••••••••"

// mask hides what in a request's headers and query is likely to be a secret of the
// provider's. Signatures are shown: they are worth nothing without the secret.
func mask(p *gateway.Payload) {
	for i := range p.Headers {
		if h := &p.Headers[i]; secretName(h.Name) {
			h.Value = masked
		} else {
			h.Value = visible(h.Value)
		}
	}
	path, query, ok := strings.Cut(p.URL, "?")
	if !ok {
		return
	}
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		name, _, valued := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(name); valued && (err != nil || secretName(plain)) {
			pairs[i] = name + "=" + masked
		}
	}
	p.URL = path + "?" + strings.Join(pairs, "&")
}

// secretName reports whether a header or a value of a query has a name as those have that
// let somebody in.
func secretName(name string) bool {
	name = strings.NewReplacer("-", "", "_", "", ".", "").Replace(strings.ToLower(name))
	for _, part := range []string{"authorization", "cookie", "token", "secret", "password", "passwd", "apikey", "accesskey", "privatekey", "credential", "sessionid", "jwt"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return name == "auth" || name == "key" || name == "pwd" || name == "xauth" || name == "xkey"
}
