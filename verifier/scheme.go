package verifier

// Scheme describes how a provider signs its webhooks. It is data: [New] and
// [NewSigner] compile it once and refuse, with the remedy, one that is
// inconsistent or weaker than it looks.
//
// Names of headers are in any letter case.
type Scheme struct {
	// Name is how people refer to the scheme, as in the Caddyfile.
	Name string `json:"name,omitempty"`

	// Signature says where candidate signatures are. The first location decides
	// whether a request is of this scheme at all.
	Signature []Location `json:"signature,omitempty"`

	// Signed is the template of the signed bytes, literal text with the
	// variables {id}, {timestamp}, {type}, {method}, {url}, {query} and {body},
	// each at most once. What it names is authenticated; nothing else is. It has
	// to be readable in one way only: an id, a type, a method or a query is
	// bounded by literal text, or by a timestamp or URL whose beginning cannot be
	// mistaken.
	Signed string `json:"signed,omitempty"`

	// Keys says how the text of a secret becomes a key, and of which algorithm.
	// Every form that fits a secret yields a key, and all of them are tried.
	Keys []KeyForm `json:"keys,omitempty"`

	// Encodings are the spellings a signature may have. Several are told apart
	// by length alone, never by trial. The first is used for signing.
	Encodings []Encoding `json:"encodings,omitempty"`

	// BodySHA256 is a query value, of a query that {query} signs, which holds the
	// SHA-256 of the body in hexadecimal: so the body is authentic although {body}
	// is not signed.
	BodySHA256 Ref `json:"body_sha256,omitempty"`

	// MaxDecoded says that {body} is the body once its Content-Encoding, gzip or
	// none, is undone, and how many bytes it may then have. 0: it is the body as
	// received.
	MaxDecoded int64 `json:"max_decoded,omitempty"`

	// ID is where the event's id is: a header that {id} signs, or a member of
	// the signed body (json:/id). Empty if the provider signs none: then an
	// event is known by the digest of its signed bytes.
	ID Ref `json:"id,omitempty"`

	// Type is where the event's type is: a header that {type} signs, or a member
	// of the signed body. Empty if none is signed.
	Type Ref `json:"type,omitempty"`

	// Timestamp is the signed time; nil if the provider signs none.
	Timestamp *Timestamp `json:"timestamp,omitempty"`

	// UnsignedID and UnsignedType are headers the provider also sends although
	// its signature does not cover them. They are never believed. Where the
	// body says the type, the forwarded copy of UnsignedType carries that one.
	UnsignedID   string `json:"unsigned_id,omitempty"`
	UnsignedType string `json:"unsigned_type,omitempty"`

	// Aliases are prefixes of header names that stand for each other: with
	// ["svix-", "webhook-"] the headers svix-… may arrive as webhook-…, all of
	// one family. Where both are there they must be equal.
	Aliases []string `json:"aliases,omitempty"`

	// IDVaries says that the signed id is of the attempt and new in every retry, so
	// that it is no id of the event.
	IDVaries bool `json:"id_varies,omitempty"`

	// BodyVaries says that a retry of the same event has another body, so that
	// the id alone tells a duplicate.
	BodyVaries bool `json:"body_varies,omitempty"`

	// BodyRepeats says that equal bodies are distinct events, so that without an
	// id nothing tells a duplicate.
	BodyRepeats bool `json:"body_repeats,omitempty"`

	// RetryHorizon is how long after the first attempt the provider may still
	// retry. 0: unknown. [Unbounded]: until it succeeds.
	RetryHorizon Duration `json:"retry_horizon,omitempty"`

	// ResponseLimit is how long the provider waits for an answer; 0 if that is not
	// known.
	ResponseLimit Duration `json:"response_limit,omitempty"`

	// MaxBody is the provider's documented limit of the body in bytes; 0 if none
	// is known.
	MaxBody int64 `json:"max_body,omitempty"`

	// Handshakes are requests by which the provider checks the URL: no events. They
	// are passed on, or answered if [Options.Answer] asks for it.
	Handshakes []Handshake `json:"handshakes,omitempty"`

	// Source is where the facts of a preset were read, Notes what its user has to
	// know of it: documentation, and no part of the scheme.
	Source string `json:"-"`
	Notes  string `json:"-"`
}

// Ref names a part of a request: "header:<name>", "query:<name>",
// "part:<name>" (an item of the signature header's list, as Stripe's t=) or
// "json:<pointer>" (RFC 6901, a member of the body).
type Ref string

// Location is where candidate signatures are, and the grammar of that value:
//
//	value = item *( List item )
//	item  = [ name Pair ] Prefix signature
type Location struct {
	// From is a header or query reference.
	From Ref `json:"from"`
	// List separates items; empty if the value is one item. With " " an item may
	// end in a comma, as one sender joins them with ", ".
	List string `json:"list,omitempty"`
	// Pair separates an item's name from its signature; empty if items have no
	// names. Which names count is said by [KeyForm.Item].
	Pair string `json:"pair,omitempty"`
	// Prefix is required before each signature, exactly and once.
	Prefix string `json:"prefix,omitempty"`
}

// Algorithm is how a key signs.
type Algorithm string

// The algorithms. HMAC is RFC 2104, Ed25519 RFC 8032. ECDSA is over P-256 and
// SHA-256, its signature ASN.1; RSA is PKCS #1 v1.5 over SHA-256. Token is no
// signature: the secret itself is sent. SHA-1 and Token are weak and must be
// allowed by [Options.AllowWeak].
const (
	HMACSHA1   Algorithm = "hmac-sha1"
	HMACSHA256 Algorithm = "hmac-sha256"
	HMACSHA384 Algorithm = "hmac-sha384"
	HMACSHA512 Algorithm = "hmac-sha512"
	Ed25519    Algorithm = "ed25519"
	ECDSAP256  Algorithm = "ecdsa-p256-sha256"
	RSAPKCS1   Algorithm = "rsa-pkcs1-sha256"
	Token      Algorithm = "token"
)

// Encoding is a spelling of bytes as text. Each has one canonical form but
// Hex, which is read in either letter case.
type Encoding string

// The encodings. Text means the bytes of the text itself and is for secrets
// only, as is PEM (RFC 7468). Base64 is padded, Base64URL is not (RFC 4648
// sections 4 and 5).
const (
	Text      Encoding = "text"
	PEM       Encoding = "pem"
	Hex       Encoding = "hex"
	Base64    Encoding = "base64"
	Base64URL Encoding = "base64url"
)

// KeyForm is one reading of a secret's text.
type KeyForm struct {
	// Prefix must begin the secret and is not part of the key.
	Prefix string `json:"prefix,omitempty"`
	// Encoding of the rest. What it decodes to is the key; of ECDSA and RSA, and of
	// Ed25519 in PEM, it is a public key as X.509 has it (SPKI) or a private one as
	// PKCS #8.
	Encoding Encoding `json:"encoding,omitempty"`
	// Algorithm the key is for.
	Algorithm Algorithm `json:"algorithm,omitempty"`
	// Item is the name that signatures by this key have in the list ("v1");
	// needed where the location has pairs, forbidden where it has none.
	Item string `json:"item,omitempty"`
	// MinBytes is the least length of the key. Default: 16.
	MinBytes int `json:"min_bytes,omitempty"`
	// Private marks a key of a pair that signs and never verifies (whsk_).
	Private bool `json:"private,omitempty"`
}

// TimeFormat is the grammar of a timestamp.
type TimeFormat string

// The formats: ten digits of seconds, thirteen of milliseconds since 1970, or
// an RFC 3339 date and time with a zone, upper-case T and Z, at most nine digits
// of fraction.
const (
	Unix      TimeFormat = "unix"
	UnixMilli TimeFormat = "unix_ms"
	RFC3339   TimeFormat = "rfc3339"
)

// Timestamp says where the signed time is and what it means.
type Timestamp struct {
	// From is a header or part reference, which {timestamp} must sign, or a member
	// of the signed body: a number or, as RFC 3339, a text.
	From Ref `json:"from"`
	// Format is its grammar.
	Format TimeFormat `json:"format"`
	// OfEvent says that the time is the event's and stays the same in every
	// retry, so that freshness is a long window. Otherwise it is the attempt's.
	OfEvent bool `json:"of_event,omitempty"`
	// Past and Future are how far it may lie behind and ahead of the clock.
	// Default: 5m both.
	Past   Duration `json:"past,omitempty"`
	Future Duration `json:"future,omitempty"`
}
