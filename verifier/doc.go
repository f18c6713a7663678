// Package verifier checks and makes webhook signatures. A signature scheme is
// data (see [Scheme]): where the signature, id and timestamp are, which bytes
// are signed, how the secret's text becomes a key. Nothing in this package
// knows a provider by name; the providers are the rows of [Presets].
//
// Receiving has three steps, so that a caller can refuse a request from its
// headers before it reads the body, and so that nothing is read from a body
// that is not authentic:
//
//	envelope, err := v.Parse(request)          // header shape only
//	verified, err := envelope.Verify(body, now) // signature, then freshness
//	event, err := verified.Event()             // id and type, from signed bytes
//
// [Verifier.Verify] is the first two in one. Sending is [Signer.Sign], which
// writes the same bytes the verifier reads: both compile the same template.
//
// The package imports the standard library, one JSON tokenizer and the curve of
// Ed25519. It reads no clock, no file and no network; every type but the builders
// is immutable and safe for concurrent use.
package verifier
