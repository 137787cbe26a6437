# A Rails application of one channel, for `puma`.
require "rails"
require "action_controller/railtie"
require "action_cable/engine"

class Lab < Rails::Application
  config.eager_load = false
  config.secret_key_base = "lab"
  config.logger = Logger.new(nil)
  config.action_cable.disable_request_forgery_protection = true
  config.action_cable.mount_path = "/cable"
end

module ApplicationCable
  class Connection < ActionCable::Connection::Base
    identified_by :user

    def connect
      reject_unauthorized_connection if request.params[:token] != "sesame-4711"
      self.user = "ada"
    end
  end
end

class ChatChannel < ActionCable::Channel::Base
  def subscribed
    params[:room] == "secret" ? reject : stream_from("chat_#{params[:room]}")
  end

  def speak(data)
    ActionCable.server.broadcast("chat_#{params[:room]}", { text: data["text"], by: user })
  end

  def whisper(data)
    transmit({ text: data["text"].upcase })
  end

  def leave
    ActionCable.server.remote_connections.where(user: user).disconnect
  end
end

ActionCable::Server::Base.config.connection_class = -> { ApplicationCable::Connection }
ActionCable::Server::Base.config.cable = { "adapter" => "async" }
Lab.initialize!
run Rails.application
