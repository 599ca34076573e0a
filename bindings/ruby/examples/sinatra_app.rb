# frozen_string_literal: true

# A Sinatra application, for any server; with Puma in cluster mode too, as the factory survives forks.
#
#   ruby examples/sinatra_app.rb -p 4567
#   curl localhost:4567/checkout/ann
require 'sinatra'
require 'splitclient-rb'

factory = SplitIoClient::SplitFactoryBuilder.build(
  ENV.fetch('SPLIT_SDK_KEY', 'localhost'), split_file: File.join(__dir__, 'flags.yaml'), logger: Logger.new($stderr)
)
factory.client.block_until_ready(10)
set :split, factory.client

get '/checkout/:user' do |user|
  answer = settings.split.get_treatment_with_config(user, 'new_checkout')
  content_type :json
  JSON.generate(checkout: answer[:treatment] == 'on' ? 'new' : 'old', config: answer[:config])
end

post '/paid/:user' do |user|
  halt 400 unless settings.split.track(user, 'user', 'paid', params['amount']&.to_f)
  status 204
end
