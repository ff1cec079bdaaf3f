/* Runs its arguments. It is linked to musl, so that it runs in an image that has musl's loader only. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 2)
		return 98;
	execv(argv[1], argv + 1);
	fprintf(stderr, "start: %s: %s\n", argv[1], strerror(errno));
	return 98;
}
