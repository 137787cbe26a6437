# An echo server of Ruby's em-websocket that prints how each connection ended. usage: PORT [ADDRESS]
require 'em-websocket'
$stdout.sync = true

EM.run do
  EM::WebSocket.run(host: ARGV[1] || '127.0.0.1', port: ARGV[0].to_i) do |ws|
    ws.onmessage { |text| ws.send(text) }
    ws.onerror { |error| puts "error: #{error.message}" }
    ws.onclose { |event| puts "ended with #{event.inspect}" }
  end
end
