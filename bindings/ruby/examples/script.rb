# frozen_string_literal: true

# A plain program. Without SPLIT_SDK_KEY it reads its flags from flags.yaml.
#
#   ruby examples/script.rb ann bob
require 'splitclient-rb'

factory = SplitIoClient::SplitFactoryBuilder.build(
  ENV.fetch('SPLIT_SDK_KEY', 'localhost'), split_file: File.join(__dir__, 'flags.yaml'), logger: Logger.new($stderr)
)
client = factory.client

begin
  client.block_until_ready(10)
rescue SplitIoClient::SDKBlockerTimeoutExpiredException => e
  abort "no feature flags: #{e.message}"
end

ARGV.each do |user|
  answer = client.get_treatment_with_config(user, 'new_checkout', { plan: 'pro' })
  puts "#{user}: #{answer[:treatment]} #{answer[:config]}".rstrip
  client.track(user, 'user', 'asked')
end
client.destroy
