package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/verifier"
)

// schemes is one run of the schemes command.
type schemes struct {
	setup
	json bool
}

func newSchemes(host Host) *cobra.Command {
	s := &schemes{setup: setup{host: host}}
	cmd := host.command("schemes [flags] [<scheme>]", "Lists signature schemes, or shows one as a Caddyfile has it", `
Lists the schemes that verify can name: what their signature authenticates, what tells
a duplicate, and how large a body may be. Of one scheme it prints the block that would
define it, with what has to be known of it and where that was read: a preset can be
varied by extends, or the block be changed and given another name.
`, `  PROGRAM webhook schemes

  # as a Caddyfile has it
  PROGRAM webhook schemes github

  # those of your own, too
  touch Caddyfile
  PROGRAM webhook schemes --config Caddyfile`, s.run)
	flags := cmd.Flags()
	flags.StringVar(&s.config, "config", "", "Caddyfile whose custom schemes are listed, too")
	flags.BoolVar(&s.json, "json", false, "Print JSON")
	return cmd
}

// schemeInfo is what is told of a scheme.
type schemeInfo struct {
	verifier.Scheme
	// Authenticates is what the signature covers.
	Authenticates []string `json:"authenticates"`
	// Duplicate is what two copies of an event have in common.
	Duplicate string `json:"duplicate"`
	// BodyCap is the largest body that a source takes by default, in bytes.
	BodyCap int64 `json:"body_cap"`
	// Weak says that verify needs allow_weak, PublicURL that it needs public_url.
	Weak      bool   `json:"weak"`
	PublicURL bool   `json:"public_url"`
	Preset    bool   `json:"preset"`
	Source    string `json:"source,omitempty"`
	Notes     string `json:"notes,omitempty"`
}

func newSchemeInfo(s verifier.Scheme) schemeInfo {
	_, preset := verifier.Preset(s.Name)
	i := schemeInfo{
		Scheme: s, Authenticates: authenticates(s), Duplicate: "the same signed bytes",
		BodyCap: cmp.Or(s.MaxBody, gateway.DefaultMaxBody), Weak: verifier.CheckStrong(s) != nil,
		PublicURL: strings.Contains(s.Signed, "{url}"), Preset: preset, Source: s.Source, Notes: s.Notes,
	}
	switch {
	case s.BodyRepeats:
		i.Duplicate = "nothing"
	case s.BodyVaries:
		i.Duplicate = "the same id"
	case s.ID != "" && !s.IDVaries:
		i.Duplicate = "the same id and body"
	}
	return i
}

// authenticates is what of an event may be believed.
func authenticates(s verifier.Scheme) []string {
	if slices.ContainsFunc(s.Keys, func(k verifier.KeyForm) bool { return k.Algorithm == verifier.Token }) {
		return []string{}
	}
	all := []string{}
	for _, part := range []struct {
		name string
		is   bool
	}{
		{"id", s.ID != "" && !s.IDVaries},
		{"type", s.Type != ""},
		{"time", s.Timestamp != nil},
		{"method", strings.Contains(s.Signed, "{method}")},
		{"url", strings.Contains(s.Signed, "{url}")},
		{"query", strings.Contains(s.Signed, "{query}")},
		{"body", strings.Contains(s.Signed, "{body}") || s.BodySHA256 != ""},
	} {
		if part.is {
			all = append(all, part.name)
		}
	}
	return all
}

func (s *schemes) run(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return fmt.Errorf("one scheme at most, not %d", len(args))
	}
	if len(args) == 1 {
		s.scheme = args[0]
		scheme, err := s.find()
		if err != nil {
			return err
		}
		info := newSchemeInfo(scheme)
		if s.json {
			return encodeJSON(cmd.OutOrStdout(), info)
		}
		_, err = io.WriteString(cmd.OutOrStdout(), info.show())
		return err
	}
	custom, err := s.custom()
	if err != nil {
		return err
	}
	var infos []schemeInfo
	for _, scheme := range append(verifier.Presets(), custom...) {
		infos = append(infos, newSchemeInfo(scheme))
	}
	if s.json {
		return encodeJSON(cmd.OutOrStdout(), infos)
	}
	rows := [][]string{{"SCHEME", "SIGNATURE", "AUTHENTICATES", "A DUPLICATE HAS", "BODY", "NEEDS"}}
	for _, i := range infos {
		_, where, _ := strings.Cut(string(i.Signature[0].From), ":")
		rows = append(rows, []string{i.Name, where, orDash(strings.Join(i.Authenticates, ", ")), i.Duplicate, size(i.BodyCap), orDash(strings.Join(i.needs(), ", "))})
	}
	return writeTable(cmd.OutOrStdout(), rows)
}

// needs are the options without which verify does not take the scheme.
func (i *schemeInfo) needs() (all []string) {
	if i.Weak {
		all = append(all, "allow_weak")
	}
	if i.PublicURL {
		all = append(all, "public_url")
	}
	return all
}

// show is the scheme as a block of the Caddyfile, below what has to be known of it.
func (i *schemeInfo) show() string {
	var b strings.Builder
	name := i.Name
	if i.Preset {
		name = "my_" + i.Name
		with := ""
		if needs := i.needs(); len(needs) > 0 {
			with = ", with " + strings.Join(needs, " and ") + ","
		}
		comment(&b, i.Notes)
		comment(&b, "")
		comment(&b, "Source: "+i.Source+".")
		comment(&b, "")
		comment(&b, "verify "+i.Name+" {env.SECRET}"+with+" is this scheme. To vary it, give the block a name of its own and put it into "+
			"webhooks { … } of the global options; extends "+i.Name+" in a block stands for all of these lines.")
	}
	b.WriteString(caddyfile(i.Scheme, name))
	return b.String()
}

// comment writes a text as lines of a Caddyfile's comment.
func comment(b *strings.Builder, text string) {
	for paragraph := range strings.SplitSeq(text, "\n") {
		line := "#"
		for word := range strings.FieldsSeq(paragraph) {
			if len(line)+1+len(word) > 100 {
				b.WriteString(line + "\n")
				line = "#"
			}
			line += " " + word
		}
		b.WriteString(line + "\n")
	}
}
