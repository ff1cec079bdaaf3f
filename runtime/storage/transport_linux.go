package storage

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// limitSilence sets how long a connection waits for packets to be acknowledged, by tcp(7).
func limitSilence(_, _ string, connection syscall.RawConn) error {
	var failed error
	err := connection.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(silence.Milliseconds()))
	})
	if err != nil {
		return err
	}
	return failed
}
