package keyspace

// GlobMatch matches as the pattern of KEYS and of MATCH: * ? [a-c] [^a] and \ before a character that stands for
// itself. It takes at most len(pattern)·len(s) steps: a star that fails once the next one was reached is not retried.
//
// The empty text is matched by the empty pattern and by a single star only, as redis-server 7.0.15 has it.
func GlobMatch(pattern, s []byte) bool {
	if len(s) == 0 {
		return len(pattern) == 0 || string(pattern) == "*"
	}
	star, from := -1, 0 // the last star, and where in s its match ends
	p, i := 0, 0
	for i < len(s) {
		if p < len(pattern) && pattern[p] == '*' {
			star, from = p, i
			p++
			continue
		}
		if p < len(pattern) {
			if n, ok := globOne(pattern[p:], s[i]); ok {
				p += n
				i++
				continue
			}
		}
		if star < 0 {
			return false
		}
		from++
		p, i = star+1, from
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// globOne matches one character against the first element of a pattern, n bytes long.
func globOne(pattern []byte, ch byte) (n int, ok bool) {
	switch pattern[0] {
	case '?':
		return 1, true
	case '[':
		return globClass(pattern, ch)
	case '\\':
		if len(pattern) > 1 {
			return 2, pattern[1] == ch
		}
	}
	return 1, pattern[0] == ch
}

// globClass matches [...]; a class that is not closed ends with the pattern.
func globClass(pattern []byte, ch byte) (n int, ok bool) {
	i := 1
	not := i < len(pattern) && pattern[i] == '^'
	if not {
		i++
	}
	match := false
	for ; i < len(pattern) && pattern[i] != ']'; i++ {
		switch {
		case pattern[i] == '\\' && i+1 < len(pattern):
			i++
			match = match || pattern[i] == ch
		case i+2 < len(pattern) && pattern[i+1] == '-':
			lo, hi := min(pattern[i], pattern[i+2]), max(pattern[i], pattern[i+2])
			match = match || lo <= ch && ch <= hi
			i += 2
		default:
			match = match || pattern[i] == ch
		}
	}
	return min(i+1, len(pattern)), match != not
}
