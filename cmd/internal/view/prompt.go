package view

// PromptFor asks a question, and says below what to type. The answer is read by the caller.
func PromptFor(s *Streams, question, how string) {
	p := s.err()
	p.printf("\n%s\n  %s: ", p.paint(bold, clean(question)), clean(how))
}
