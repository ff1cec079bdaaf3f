#!/usr/bin/elixir
# Plays Conway's game of life on a plane without edges: stores how many cells live in each generation, and the last one.

defmodule Life do
  @around for x <- -1..1, y <- -1..1, {x, y} != {0, 0}, do: {x, y}

  def next(cells) do
    counts = for({x, y} <- cells, {dx, dy} <- @around, do: {x + dx, y + dy}) |> Enum.frequencies()

    for {cell, n} <- counts, n == 3 or (n == 2 and MapSet.member?(cells, cell)), into: MapSet.new() do
      cell
    end
  end

  # A pattern is lines with an O for a cell that lives; lines that begin with ! are remarks.
  def parse(text) do
    for {line, y} <- text |> lines() |> Enum.with_index(),
        {"O", x} <- line |> String.graphemes() |> Enum.with_index(),
        into: MapSet.new(),
        do: {x, y}
  end

  defp lines(text), do: text |> String.split(~r/\r?\n/) |> Enum.reject(&String.starts_with?(&1, "!"))

  def print(cells) do
    if Enum.empty?(cells), do: "", else: print(cells, Enum.unzip(cells))
  end

  defp print(cells, {xs, ys}) do
    {left, right} = Enum.min_max(xs)
    {top, bottom} = Enum.min_max(ys)

    for y <- top..bottom, into: "" do
      line = for x <- left..right, into: "", do: if({x, y} in cells, do: "O", else: ".")
      String.trim_trailing(line, ".") <> "\n"
    end
  end
end

path = System.fetch_env!("INPUT_FILE_PATH")
generations = String.to_integer(System.get_env("GENERATIONS", "100"))
name = Path.join(System.fetch_env!("TMP_OUTPUT_DIR"), Path.basename(path, Path.extname(path)))

{counts, last} =
  Enum.map_reduce(0..generations, File.read!(path) |> Life.parse(), fn generation, cells ->
    line = "#{generation},#{MapSet.size(cells)}\n"
    {line, if(generation < generations, do: Life.next(cells), else: cells)}
  end)

File.write!(name <> ".csv", ["generation,cells\n" | counts])
File.write!(name <> ".cells", Life.print(last))
IO.puts("after #{generations} generations #{MapSet.size(last)} cells live")
