#!/usr/bin/ruby
# Makes GeoJSON of a GPS track in GPX: a line for each segment, with its length and the metres that it climbs.
require "json"
require "rexml/document"
require "time"

EARTH = 6_371_008.8 # the mean radius in metres

Point = Struct.new(:lat, :lon, :height, :time) do
  def self.parse(element)
    lat, lon = %w[lat lon].map { |name| Float(element.attributes[name]) }
    raise "no place on Earth: #{lat}, #{lon}" unless lat.abs <= 90 && lon.abs <= 180

    height, time = element.elements["ele"]&.text, element.elements["time"]&.text
    new(lat, lon, height && Float(height), time && Time.iso8601(time))
  end

  # Metres along a great circle, by the haversine formula.
  def to(other)
    a, b = [lat, other.lat].map { |degrees| degrees * Math::PI / 180 }
    across = (other.lon - lon) * Math::PI / 180
    h = Math.sin((b - a) / 2)**2 + Math.cos(a) * Math.cos(b) * Math.sin(across / 2)**2
    2 * EARTH * Math.asin(Math.sqrt([h, 1].min))
  end
end

def feature(name, points)
  raise "#{name}: a segment of one point is no line" if points.length < 2

  climbs = points.map(&:height).compact.each_cons(2).sum { |a, b| [b - a, 0].max }
  times = points.map(&:time).compact
  {
    type: "Feature",
    properties: {
      name: name,
      metres: points.each_cons(2).sum { |a, b| a.to(b) }.round(1),
      climbed: climbs.round(1),
      seconds: times.empty? ? nil : (times.last - times.first).round
    },
    geometry: { type: "LineString", coordinates: points.map { |p| [p.lon, p.lat, p.height].compact } }
  }
end

path = ENV.fetch("INPUT_FILE_PATH")
gpx = REXML::Document.new(File.read(path))
features = gpx.get_elements("/gpx/trk").flat_map do |track|
  name = track.elements["name"]&.text&.strip || "a track"
  track.get_elements("trkseg").map { |segment| feature(name, segment.get_elements("trkpt").map { |e| Point.parse(e) }) }
end
raise "#{path} has no track" if features.empty?

out = File.join(ENV.fetch("TMP_OUTPUT_DIR"), "#{File.basename(path, ".*")}.geojson")
File.write(out, JSON.pretty_generate({ type: "FeatureCollection", features: features }))
features.each { |f| puts f[:properties].compact.map { |key, value| "#{key}: #{value}" }.join(", ") }
