#!/usr/bin/escript
%% Splits each number of a list into primes. Every number has a process of its own, and is done when that process says so.
-mode(compile).

main([]) ->
    Path = os:getenv("INPUT_FILE_PATH"),
    {ok, Text} = file:read_file(Path),
    Numbers = [number(Word) || Word <- string:lexemes(Text, " \t\r\n")],
    Lines = [line(N, Primes) || {N, Primes} <- split_all(Numbers)],
    Out = filename:join(os:getenv("TMP_OUTPUT_DIR"), filename:basename(Path)),
    ok = file:write_file(Out, Lines),
    io:format("~b numbers, each in a process~n", [length(Numbers)]).

number(Word) ->
    case catch binary_to_integer(Word) of
        N when is_integer(N), N > 1 -> N;
        _ -> io:format(standard_error, "not a number above 1: ~ts~n", [Word]), halt(1)
    end.

line(N, Primes) ->
    [integer_to_list(N), " = ", lists:join(" * ", [integer_to_list(P) || P <- Primes]), "\n"].

%% The answers come as they are ready, and are put back into the order of the numbers.
split_all(Numbers) ->
    Here = self(),
    Asked = [{N, spawn_monitor(fun() -> Here ! {self(), lists:sort(split(N))} end)} || N <- Numbers],
    [{N, answer(Worker)} || {N, Worker} <- Asked].

answer({Process, Monitor}) ->
    receive
        {Process, Primes} -> demonitor(Monitor, [flush]), Primes;
        {'DOWN', Monitor, process, Process, Reason} -> exit(Reason)
    end.

split(1) -> [];
split(N) when N rem 2 =:= 0 -> [2 | split(N div 2)];
split(N) ->
    case prime(N) of
        true -> [N];
        false -> D = divisor(N, 1), split(D) ++ split(N div D)
    end.

%% Miller and Rabin. With the first 13 primes as witnesses it is certain below 3.3e24 (Sorenson and Webster, 2015).
prime(N) ->
    Witnesses = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41],
    lists:member(N, Witnesses) orelse begin
        {Odd, Twos} = halves(N - 1, 0),
        lists:all(fun(W) -> passes(power(W, Odd, N), N, Twos) end, Witnesses)
    end.

passes(1, _, _) -> true;
passes(X, N, _) when X =:= N - 1 -> true;
passes(_, _, 1) -> false;
passes(X, N, Twos) -> passes(X * X rem N, N, Twos - 1).

halves(N, Twos) when N rem 2 =:= 0 -> halves(N div 2, Twos + 1);
halves(N, Twos) -> {N, Twos}.

power(_, 0, _) -> 1;
power(X, E, N) when E rem 2 =:= 0 -> power(X * X rem N, E div 2, N);
power(X, E, N) -> X * power(X, E - 1, N) rem N.

%% Pollard's rho, with another constant if the first leads nowhere.
divisor(N, C) -> divisor(N, C, 2, 2).

divisor(N, C, Tortoise, Hare) ->
    T = (Tortoise * Tortoise + C) rem N,
    H1 = (Hare * Hare + C) rem N,
    H = (H1 * H1 + C) rem N,
    case gcd(abs(T - H), N) of
        1 -> divisor(N, C, T, H);
        N -> divisor(N, C + 1);
        D -> D
    end.

gcd(A, 0) -> A;
gcd(A, B) -> gcd(B, A rem B).
